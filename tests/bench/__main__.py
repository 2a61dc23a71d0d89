"""`just bench`: each bar in rounds, one line each: name, median, bar, pass or fail, then minimum and maximum.

Machines are shared and noisy: a fixed loop is timed between the rounds, and absolute bars grow with it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import bars

ROUNDS = 5
#: The loop on the machine that the bars were set on.
SPIN_REFERENCE = 0.020


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    times: list[float]
    bar: float

    @property
    def passed(self) -> bool:
        return statistics.median(self.times) <= self.bar

    def __str__(self) -> str:
        low, middle, high = (1000 * pick(self.times) for pick in (min, statistics.median, max))
        verdict = "pass" if self.passed else "fail"
        measured = f"{self.name:<32} {middle:9.2f} ms  bar {1000 * self.bar:8.2f} ms  {verdict}"
        return f"{measured}  (min {low:.2f}, max {high:.2f})"


def spin() -> float:
    begun = time.perf_counter()
    total = 0
    for number in range(500_000):
        total += number
    return time.perf_counter() - begun


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> int:
    with bars.prepared() as prepared:
        times: dict[str, list[float]] = {bar.name: [] for bar in prepared}
        spins = []
        for _ in range(ROUNDS):
            for bar in prepared:
                spins.append(spin())
                times[bar.name].append(timed(bar.work))
    slower = max(1.0, statistics.median(spins) / SPIN_REFERENCE)
    sys.stdout.write(f"spin {1000 * statistics.median(spins):.2f} ms: absolute bars x {slower:.2f}\n")
    results = [Result(bar.name, times[bar.name], bar.seconds * slower) for bar in prepared]
    for result in results:
        sys.stdout.write(f"{result}\n")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
