"""Posts numbered leads to a webhook from many threads, each over connections of its own that stay open.

Run as a process of its own, so that it does not share a lock with what measures: it reads its task as JSON from
standard input and prints what was answered as JSON.
"""

from __future__ import annotations

import http.client
import json
import queue
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

HEADERS = {"Content-Type": "application/json", "Host": "crm.example.com", "X-Forwarded-Proto": "https"}
TRIES = 60
PAUSE = 0.25


def body(number: int) -> bytes:
    """Return the notification of a numbered lead, in the form of Zenvia's published example."""
    data = {"leadId": f"lead-{number}", "name": "João Silva", "email": f"joao.{number}@email.com"}
    data["phone"] = f"+55119{number:08}"
    return json.dumps({"topic": "lead.created", "eventTime": "2024-12-09T15:30:00Z", "data": data}).encode()


@dataclass
class Senders:
    """What is to be sent, and what came of it."""

    ports: list[int]
    path: str
    numbers: queue.SimpleQueue[int]
    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    #: Those that were answered 200.
    acknowledged: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, sender: int) -> None:
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for port in self.ports]
        turn = sender
        while True:
            try:
                number = self.numbers.get_nowait()
            except queue.Empty:
                return
            for _try in range(TRIES):
                turn += 1
                connection = connections[turn % len(connections)]
                started = time.perf_counter()
                try:
                    connection.request("POST", self.path, body(number), HEADERS)
                    response = connection.getresponse()
                    said = json.loads(response.read())
                except (OSError, http.client.HTTPException, ValueError) as error:
                    connection.close()
                    self.note(f"no answer: {type(error).__name__}")
                    time.sleep(PAUSE)
                    continue
                self.note(f"{response.status} {said.get('status')}", time.perf_counter() - started)
                if response.status == 200:
                    with self.lock:
                        self.acknowledged.add(number)
                    break
                time.sleep(PAUSE)

    def note(self, outcome: str, seconds: float | None = None) -> None:
        with self.lock:
            self.answers[outcome] += 1
            if seconds is not None:
                self.latencies.append(seconds)


def main() -> None:
    task: dict[str, Any] = json.load(sys.stdin)
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in task["numbers"]:
        numbers.put(number)
    senders = Senders(ports=task["ports"], path=task["path"], numbers=numbers)
    started = time.perf_counter()
    threads = [threading.Thread(target=senders.work, args=[index]) for index in range(task["senders"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    result = {
        "answers": senders.answers,
        "seconds": seconds,
        "latencies": sorted(senders.latencies),
        "acknowledged": sorted(senders.acknowledged),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
