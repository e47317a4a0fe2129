"""Measure how the cost of each page, webhook and claim grows with what is stored: `python -m bench.stored FEW MANY`.

FEW and MANY are URLs of two databases of one server, which are filled if they are empty: that takes a quarter of an
hour for ten million events, and 20 GB. They stay, for the next time. Both are asked in turn; the table shows the least
of the rounds, as other work on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from bench.stored import site

#: What seems slow is asked so many times more.
MORE = 15


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.stored", description=__doc__)
    parser.add_argument("few", help="URL of the database with few events")
    parser.add_argument("many", help="URL of the one with many")
    parser.add_argument("--rows", type=int, nargs=2, default=(10_000, 10_000_000), help="how many events each has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="pages whose name has this text")
    parser.add_argument("--plans", action="store_true", help="show queries that read a table, or many rows")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    few, many = (
        ProcessPoolExecutor(1, mp_context=context, initializer=site.begin, initargs=(url,))
        for url in (arguments.few, arguments.many)
    )
    for process, rows in zip((few, many), arguments.rows, strict=True):
        process.submit(site.make, rows).result()
    few.submit(site.prepare).result()
    say("| | queries | most rows that one read | ms, few stored | ms, many stored | ratio |\n|---|---|---|---|---|---|")
    for number, name in enumerate(many.submit(site.prepare).result()):
        if arguments.only in name:
            few.submit(site.queries, number).result()
            count, rows, bad = many.submit(site.queries, number).result()
            small, large = measure((few, many), number, arguments.rounds)
            say(f"| {name} | {count} | {rows} | {small:.1f} | {large:.1f} | {large / small:.2f} |")
            for plan in bad if arguments.plans else ():
                say(f"    {plan}")
    return 0


def measure(processes: tuple[ProcessPoolExecutor, ProcessPoolExecutor], number: int, rounds: int) -> tuple[float, ...]:
    """Return the least milliseconds in each database."""
    least = (float("inf"), float("inf"))
    for turn in range(rounds + MORE):
        if turn >= rounds and least[1] < 1.5 * least[0]:
            break
        took = [process.submit(site.visit, number).result() for process in processes]
        least = (min(least[0], took[0]), min(least[1], took[1]))
    return least


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
