"""A measured figure, and the table of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, how it came out, its goal and whether that is met (None: there is no goal)."""

    what: str
    value: str
    spread: str = ""
    goal: str = ""
    met: bool | None = None


def spread(samples: Sequence[float], digits: int = 1) -> str:
    """Smallest value and 90th percentile."""
    ordered = sorted(samples)
    return f"{ordered[0]:.{digits}f} … {ordered[int(0.9 * (len(ordered) - 1))]:.{digits}f}"


def timed(what: str, samples: Sequence[float], unit: str, *, limit: float | None = None, over: float = 0.0) -> Result:
    """The median of `samples`; the goal is at most `limit` above `over`."""
    median = statistics.median(samples)
    if limit is None:
        return Result(what, f"{median:.1f} {unit}", spread(samples))
    goal = f"≤ bare + {limit:g} {unit}" if over else f"≤ {limit:g} {unit}"
    return Result(what, f"{median:.1f} {unit}", spread(samples), goal, median <= over + limit)


def table(results: Iterable[Result]) -> str:
    """Markdown."""
    lines = ["| measured | median | least … 90 % | goal | met |", "|---|---|---|---|---|"]
    for each in results:
        met = {None: "", True: "yes", False: "**no**"}[each.met]
        lines.append(f"| {each.what} | {each.value} | {each.spread} | {each.goal} | {met} |")
    return "\n".join(lines) + "\n"
