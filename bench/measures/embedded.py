"""The embedded desk, doing nothing."""

import time
from contextlib import AbstractContextManager

from bench import machine
from bench.figures import Figure, Target, alone
from bench.house import House
from bench.servers import Server, free_port, inherited, running


def idle(house: House) -> list[Figure]:
    """Memory and processor of `manage.py run` in peace; with demo data at its second start, as on most days."""
    if house.scale.with_demo:
        with _embedded(house) as first:
            _wait(first)
    with _embedded(house) as desk:
        _wait(desk)
        time.sleep(house.scale.idle_seconds / 5)
        each = house.scale.idle_seconds / house.scale.rounds
        samples = [_sample(desk.process.pid, each) for _ in range(house.scale.rounds)]
    megabytes, shares = ([one[n] for one in samples] for n in (0, 1))
    note = "demo data" if house.scale.with_demo else "empty"
    return [
        alone("embedded process, idle: memory", "MB", megabytes, Target(200, 120), note=f"RSS, {note}"),
        alone("embedded process, idle: of a core", "%", shares, Target(3, 3), note=note),
    ]


def _embedded(house: House) -> AbstractContextManager[Server]:
    folder = house.place.folder / "embedded"
    folder.mkdir(exist_ok=True)
    port = free_port()
    told = inherited() | {
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "DEMO": str(int(house.scale.with_demo)),
        "LOG_LEVEL": "ERROR",
    }
    return running("embedded", house.place.folder, told, "manage.py", "run", port=port)


def _wait(server: Server) -> None:
    server.wait_for(lambda: server.answers("/readyz"))


def _sample(pid: int, seconds: float) -> tuple[float, float]:
    """MiB, and per cent of a core over so many seconds."""
    before, began = machine.processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    used = machine.processor_seconds(pid) - before
    return machine.resident(pid), used / (time.monotonic() - began) * 100
