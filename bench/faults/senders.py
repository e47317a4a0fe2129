"""Posts numbered leads to a webhook from many threads, each over connections of its own that stay open.

Run as a process of its own, so that it does not share a lock with what measures: it reads its task as JSON from
standard input and prints what was answered as JSON.
"""

from __future__ import annotations

import http.client
import json
import queue
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

HEADERS = {"Content-Type": "application/json", "Host": "crm.example.com", "X-Forwarded-Proto": "https"}
TRIES = 60
PAUSE = 0.25


def body(number: int, name: str) -> bytes:
    """Return the notification of a numbered lead, in the form of Zenvia's published example."""
    data = {"leadId": f"lead-{number}", "name": name, "email": f"joao.{number}@email.com"}
    data["phone"] = f"+55119{number:08}"
    return json.dumps({"topic": "lead.created", "eventTime": "2024-12-09T15:30:00Z", "data": data}).encode()


@dataclass
class Senders:
    """What is to be sent, and what came of it."""

    ports: list[int]
    path: str
    numbers: queue.SimpleQueue[int]
    #: Posts begun in a second, at most; None: each sender posts as soon as it has its answer.
    rate: float | None = None
    #: How often one lead is posted until it is answered 200.
    tries: int = TRIES
    #: Each lead is posted once by every sender, all at the same moment.
    at_once: bool = False
    #: Seconds that an answer may take, and that all of it may.
    timeout: float = 30
    seconds: float = 600
    #: Of each lead.
    name: str = "João Silva"
    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    #: When each answer came, in seconds since 1970, with its status: 0 for none.
    timeline: list[tuple[float, int]] = field(default_factory=list)
    #: Those that were answered 200.
    acknowledged: set[int] = field(default_factory=set)
    #: Those of which at least one post has begun.
    sent: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)
    next_turn: float = field(default_factory=time.monotonic)

    def work(self, sender: int) -> None:
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=self.timeout) for port in self.ports]
        turn = sender
        while not self.stopped.is_set():
            self.await_turn()
            try:
                number = self.numbers.get_nowait()
            except queue.Empty:
                return
            for _try in range(self.tries):
                turn += 1
                if self.stopped.is_set() or self.post(connections[turn % len(connections)], number):
                    break
                time.sleep(PAUSE)

    def work_at_once(self, numbers: list[int], barrier: threading.Barrier) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.ports[barrier.wait() % len(self.ports)], timeout=self.timeout
        )
        for number in numbers:
            barrier.wait()
            self.post(connection, number)

    def await_turn(self) -> None:
        if self.rate is None:
            return
        with self.lock:
            mine = self.next_turn = max(self.next_turn + 1 / self.rate, time.monotonic() - 1)
        self.stopped.wait(max(0, mine - time.monotonic()))

    def post(self, connection: http.client.HTTPConnection, number: int) -> bool:
        with self.lock:
            self.sent.add(number)
        started = time.perf_counter()
        try:
            connection.request("POST", self.path, body(number, self.name), HEADERS)
            response = connection.getresponse()
            said = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            self.note(f"no answer: {type(error).__name__}", 0)
            return False
        outcome = f"{response.status} {said.get('status') or said.get('error')}"
        if response.status == 503 and not response.headers["Retry-After"]:
            outcome += " without Retry-After"
        self.note(outcome, response.status, time.perf_counter() - started)
        if response.status == 200:
            with self.lock:
                self.acknowledged.add(number)
        return response.status == 200

    def note(self, outcome: str, status: int, seconds: float | None = None) -> None:
        with self.lock:
            self.answers[outcome] += 1
            self.timeline.append((time.time(), status))
            if seconds is not None:
                self.latencies.append(seconds)


def main() -> None:
    task: dict[str, Any] = json.load(sys.stdin)
    listed, numbers = task.pop("numbers"), queue.SimpleQueue[int]()
    for number in listed:
        numbers.put(number)
    count = task.pop("senders")
    senders = Senders(numbers=numbers, **task)
    # Asked to end, it begins no further post and says what came of the others.
    signal.signal(signal.SIGTERM, lambda number, frame: senders.stopped.set())
    deadline = threading.Timer(senders.seconds, senders.stopped.set)
    deadline.daemon = True
    deadline.start()
    started = time.perf_counter()
    threads = [threading.Thread(target=senders.work, args=[index]) for index in range(count)]
    if senders.at_once:
        together = threading.Barrier(count)
        threads = [threading.Thread(target=senders.work_at_once, args=[listed, together]) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = {
        "answers": senders.answers,
        "seconds": time.perf_counter() - started,
        "latencies": sorted(senders.latencies),
        "timeline": sorted(senders.timeline),
        "acknowledged": sorted(senders.acknowledged),
        "sent": len(senders.sent),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
