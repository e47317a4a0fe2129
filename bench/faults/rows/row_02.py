"""The broker breaks in each way that it can: every webhook is answered as quickly as ever, and delivered later.

Two web processes of one site take webhooks at the same time: one with a broker that is well, one whose broker is
broken. Whatever else this machine does slows down both, so their answers can be compared.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.faults.brokers import NetworkBroker, RabbitMQ
from bench.faults.case import Case, Line
from bench.faults.site import Site

#: Seconds by which the 99th percentile may be worse.
MORE = 0.05
#: How often it is measured at most.
ROUNDS = 3
RATE = 60
WARM_UP = 20
#: Seconds after which Zenvia's sibling API takes an answer for a failure.
LATE = 1

Break = Callable[[NetworkBroker], Iterator[None]]
#: Web process → what its sender says of its answers.
Round = dict[str, dict[str, Any]]


def refusing(broker: NetworkBroker) -> Iterator[None]:
    broker.kill()
    yield
    broker.start()


def silent(broker: NetworkBroker) -> Iterator[None]:
    broker.kill()
    with broker.silent_stand_in():
        yield
    broker.start()


def stopped(broker: NetworkBroker) -> Iterator[None]:
    broker.pause()
    yield
    broker.resume()


def memory_alarm(broker: NetworkBroker) -> Iterator[None]:
    assert isinstance(broker, RabbitMQ)
    broker.alarm(on=True)
    yield
    broker.alarm(on=False)


def killed_while_publishing(broker: NetworkBroker) -> Iterator[None]:
    # After the load has begun: see `measure`.
    yield
    broker.start()


#: How it breaks, on which broker, whether it ever comes back, whether the short run has it.
WAYS: list[tuple[Break, str, bool, bool]] = [
    (refusing, "Redis", False, True),
    (silent, "Redis", True, True),
    (stopped, "Redis", True, False),
    (killed_while_publishing, "Redis", True, False),
    (refusing, "RabbitMQ", True, False),
    (silent, "RabbitMQ", True, False),
    (stopped, "RabbitMQ", True, False),
    (memory_alarm, "RabbitMQ", False, True),
    (memory_alarm, "RabbitMQ", True, False),
    (killed_while_publishing, "RabbitMQ", True, True),
]


def run(case: Case) -> None:
    for number, (way, name, comes_back, in_short) in enumerate(WAYS):
        if case.short and not in_short:
            continue
        title = f"{name} {way.__name__.replace('_', ' ')}, {'comes back' if comes_back else 'for ever'}"
        with case.part(title) as line:
            case.require(title)
            broker = case.servers.broker(name, f"{name}_{number}")
            assert isinstance(broker, NetworkBroker)
            with case.site(broker=broker) as site:
                # Nothing befalls that of the other web process.
                site.start_web("well", broker=case.servers.broker("Redis"))
                site.start_web("broken")
                if comes_back:
                    site.start_worker()
                    site.start_beat()
                measure(line, site, broker, way, comes_back=comes_back, posts=case.amount(600, 300))
            broker.stop()


def measure(line: Line, site: Site, broker: NetworkBroker, way: Break, *, comes_back: bool, posts: int) -> None:
    warm_up = {"well": range(10**6, 10**6 + WARM_UP), "broken": range(2 * 10**6, 2 * 10**6 + WARM_UP)}
    for web, numbers in warm_up.items():
        # Connections, imports and hints: what the first requests of a process take is not what is compared. What has
        # a connection to its broker then loses it.
        site.answered(site.send(numbers, webs=[web], seconds=60))
    site.wait(lambda: not comes_back or site.open_events() == 0, "the first hints are followed", 30)
    broken = contextmanager(way)(broker)
    broken.__enter__()
    rounds = compare(site, broker, way, posts)
    line.expect(site.open_events() > 0, "everything was delivered meanwhile: the fault was none")
    if comes_back:
        broken.__exit__(None, None, None)
        # A worker that waits for an answer when its broker comes back may end a moment later.
        took = site.drain(60, after_each_look=partial(restart, line, site))
    else:
        site.manage("zenvia_dispatch_events")
        took = site.drain(60)
    how = "after its return" if comes_back else "by zenvia_dispatch_events alone"
    pairs = ", then ".join(f"{milliseconds(both['broken'])} and {milliseconds(both['well'])}" for both in rounds)
    line.notes.append(
        f"p99 with it, and beside it with a broker that is well: {pairs} ms; delivered {took:.0f} s {how}"
    )
    judge(line, site, rounds, posts, [*warm_up["well"], *warm_up["broken"]])


def compare(site: Site, broker: NetworkBroker, way: Break, posts: int) -> list[Round]:
    """Send to both web processes at once, in one round or `ROUNDS`."""
    rounds: list[Round] = []
    # A stall of the machine may hit one of the two alone: after a bad first round, the median of three counts.
    while not rounds or (len(rounds) < ROUNDS and worse(rounds[:1]) > MORE):
        first = {"well": 2 * posts * len(rounds), "broken": 2 * posts * len(rounds) + posts}
        sending = {
            web: site.send(range(n, n + posts), webs=[web], senders=4, rate=RATE, tries=1, timeout=5, seconds=60)
            for web, n in first.items()
        }
        if way is killed_while_publishing:
            if rounds:
                broker.start()
            time.sleep(2)
            broker.kill()
        rounds.append({web: site.answered(process) for web, process in sending.items()})
    return rounds


def judge(line: Line, site: Site, rounds: list[Round], posts: int, earlier: list[int]) -> None:
    """Count what came of all that was sent, `earlier` too, and look whether the answers were as quick as they must."""
    sent = [said for both in rounds for said in both.values()]
    acknowledged = [number for said in sent for number in said["acknowledged"]]
    everything = {
        "sent": sum(said["sent"] for said in sent) + len(earlier),
        "acknowledged": [*acknowledged, *earlier],
        "latencies": sorted(latency for both in rounds for latency in both["broken"]["latencies"]),
    }
    line.count(everything, site.check(everything["acknowledged"]))
    for said in sent:
        line.expect(said["answers"] == {"200 accepted": posts}, f"{said['answers']}")
    line.expect(worse(rounds) <= MORE, f"the 99th percentile is {1000 * worse(rounds):.0f} ms worse")
    longest = {web: min(max(both[web]["latencies"], default=math.inf) for both in rounds) for web in rounds[0]}
    line.expect(longest["broken"] <= max(LATE, longest["well"] + MORE), f"the longest answers: {longest} s")


def restart(line: Line, site: Site) -> None:
    """Start again what gave up without its broker, as whatever keeps a real site's processes running does."""
    for name, start in {"worker": site.start_worker, "beat": site.start_beat}.items():
        if site.processes.has_ended(name):
            site.processes.kill(name)
            start()
            line.notes.append(f"the {name} had ended, and was started again")


def p99(said: dict[str, Any]) -> float:
    latencies: list[float] = sorted(said["latencies"])
    return latencies[len(latencies) * 99 // 100] if latencies else math.inf


def milliseconds(said: dict[str, Any]) -> str:
    return f"{1000 * p99(said):.0f}"


def worse(rounds: list[Round]) -> float:
    """Return by how many seconds the 99th percentile is worse, in the median of the rounds."""
    return statistics.median(p99(both["broken"]) - p99(both["well"]) for both in rounds)
