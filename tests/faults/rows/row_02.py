"""The broker breaks in each way that it can: every webhook is answered as quickly as ever, and delivered later.

Two web processes of one site take webhooks at the same time: one with a broker that is well, one whose broker is
broken. Whatever else this machine does slows down both, so their answers can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.brokers import NetworkBroker, RabbitMQ
from tests.faults.case import Case, Line
from tests.faults.site import Site

#: Seconds by which the 99th percentile may be worse.
MORE = 0.05
RATE = 60

Break = Callable[[NetworkBroker], Iterator[None]]


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
    (stopped, "Redis", True, True),
    (silent, "RabbitMQ", True, False),
    (stopped, "RabbitMQ", True, False),
    (memory_alarm, "RabbitMQ", False, True),
    (memory_alarm, "RabbitMQ", True, False),
    (killed_while_publishing, "RabbitMQ", True, True),
]


def run(case: Case) -> None:
    # The other web process's, which nothing befalls.
    well = case.servers.broker("Redis")
    for number, (way, name, comes_back, in_short) in enumerate(WAYS):
        if case.short and not in_short:
            continue
        title = f"{name} {way.__name__.replace('_', ' ')}, {'comes back' if comes_back else 'for ever'}"
        with case.part(title) as line:
            broker = case.servers.broker(name, f"{name}_{number}")
            assert isinstance(broker, NetworkBroker)
            with case.site(broker=broker) as site:
                site.start_web("well", broker=well)
                site.start_web("broken")
                if comes_back:
                    site.start_worker()
                    site.start_beat()
                measure(line, site, broker, way, comes_back=comes_back, posts=case.amount(600, 300))
            broker.stop()


def measure(line: Line, site: Site, broker: NetworkBroker, way: Break, *, comes_back: bool, posts: int) -> None:
    for web in ("well", "broken"):
        # Connections, imports and hints: what the first requests of a process take is not what is compared.
        site.answered(site.send(range(10**6, 10**6 + 20), webs=[web], seconds=60))
    site.wait(lambda: not comes_back or site.open_events() == 0, "the first hints are followed", 30)
    broken = contextmanager(way)(broker)
    broken.__enter__()
    sending = {
        web: site.send(range(first, first + posts), webs=[web], senders=4, rate=RATE, tries=1, timeout=5, seconds=60)
        for web, first in {"well": 0, "broken": posts}.items()
    }
    if way is killed_while_publishing:
        time.sleep(2)
        broker.kill()
    sent = {web: site.answered(process) for web, process in sending.items()}
    if comes_back:
        broken.__exit__(None, None, None)
    else:
        site.manage("zenvia_dispatch_events")
    took = site.drain(60)
    acknowledged = [number for web in sent.values() for number in web["acknowledged"]]
    everything = {
        "sent": sum(web["sent"] for web in sent.values()) + 20,
        "acknowledged": [*acknowledged, *range(10**6, 10**6 + 20)],
        "latencies": sent["broken"]["latencies"],
    }
    line.count(everything, site.check(everything["acknowledged"]))
    for web, said in sent.items():
        line.expect(said["answers"] == {"200 accepted": posts}, f"{web}: {said['answers']}")
    p99 = {web: said["latencies"][len(said["latencies"]) * 99 // 100] for web, said in sent.items()}
    how = "after its return" if comes_back else "by zenvia_dispatch_events alone"
    line.notes.append(
        f"p99 {1000 * p99['broken']:.0f} ms, beside it with a broker that is well {1000 * p99['well']:.0f} ms; "
        f"delivered {took:.0f} s later {how}"
    )
    line.expect(p99["broken"] <= p99["well"] + MORE, f"99th percentile: {p99}")
