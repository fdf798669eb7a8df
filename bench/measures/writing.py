"""Tickets by REST against the bare insert, and the bare insert against raw transactions."""

from bench import machine
from bench.figures import Figure, Target, in_turn, ratio
from bench.house import House
from bench.load import post_tickets
from bench.servers import Server
from bench.yardsticks import raw

OURS = "/api/v1/tickets/"
BARE = "/bare/tickets/"
READS = (machine.resident, machine.proportional)


def ticket_by_rest(house: House, web: Server, bare: Server) -> list[Figure]:
    """The load in turn: ours, the bare insert, raw transactions; and after each round the memory of the workers."""
    seconds = house.scale.load_seconds
    rates = {
        OURS: lambda: post_tickets(web.port, OURS, house.key, seconds=seconds).rate,
        BARE: lambda: post_tickets(bare.port, BARE, "", seconds=seconds).rate,
    }
    for warm_up in rates.values():
        warm_up()
    memory: list[tuple[float, ...]] = []

    def transactions() -> float:
        memory.append(tuple(_worker(server, read) for read in READS for server in (web, bare)))
        return raw.transactions(house.place.server, seconds=seconds)

    rounds = in_turn(house.scale.rounds, rates[OURS], rates[BARE], transactions)
    figures = [
        ratio("ticket by REST : bare insert", "/s", rounds, Target(0.40, 0.60, at_least=True), "16 clients, 2 workers"),
        ratio("(bare insert : raw transaction)", "/s", [one[1:] for one in rounds], Target(0.12, 0.12, at_least=True)),
        _memory(memory),
    ]
    house.requests_a_second = figures[0].ours
    return figures


def _worker(server: Server, read: machine.Read) -> float:
    """MiB of the mean worker."""
    workers = [read(pid) for pid in machine.children(server.process.pid)]
    return sum(workers) / len(workers)


def _memory(samples: list[tuple[float, ...]]) -> Figure:
    ours, bare = samples[-1][2:]
    note = f"RSS; PSS {ours:.0f} : {bare:.0f} MB, {ours / bare:.2f}"
    return ratio("web worker after the load : bare worker", "MB", samples, Target(2.5, 2.0), note)
