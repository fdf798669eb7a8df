"""`python -m bench`: seed, measure, print, write var/bench.json; BENCH_TICKETS tickets (1,000,000)."""

import os
import signal
import sys


def main() -> int:
    """The exit status: 1 where a measurement failed. A target that is not reached fails nothing."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    # Not above: the processes that send the load import this module and need none of it.
    from bench.report import in_order, print_table, write_json
    from bench.scale import Scale
    from bench.servers import own_place

    scale = Scale.of(int(os.environ.get("BENCH_TICKETS", "1000000")))
    with own_place() as place:
        os.environ.update(place.environment())
        import django

        django.setup()
        from bench.running import measure

        rows = in_order(measure(place, scale))
    print_table(rows, scale.tickets)
    print(f"\nwritten to {write_json(rows, scale.tickets)}")
    return int(any(getattr(row, "is_failure", False) for row in rows))


def _leave(number: int, _frame: object) -> None:
    """Told to stop: as an exception, so that everything started here is ended and dropped."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
