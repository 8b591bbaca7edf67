"""Tables of figures: what a subject measures, how it prints, and how it goes into a file."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rounds import Seconds

SCALES = {"s": 1.0, "ms": 1e3, "µs": 1e6, "ns": 1e9}
"""Units of time, and how many of each make a second."""


@dataclass(frozen=True)
class Cell:
    """One figure: the median, with its quartiles; and the same beside the base of the table."""

    value: float | str
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None

    def __str__(self) -> str:
        text = self.value if isinstance(self.value, str) else f"{self.value:,.4g}"
        if self.ratio is None:
            return text
        return f"{text} · {self.ratio:.2f} ({self.ratio_low:.2f} to {self.ratio_high:.2f})"


@dataclass(frozen=True)
class Aim:
    """What was to be reached, and what was.

    Args:
        text: the aim in words.
        value: the measured figure.
        most: the bound from above, or None.
        least: the bound from below, or None.
        earlier: the figures of the runs before this one, where a subject was measured repeatedly.
    """

    text: str
    value: float
    most: float | None = None
    least: float | None = None
    earlier: list[float] = field(default_factory=list)

    @property
    def found(self) -> list[float]:
        """The figures of all runs, in order."""
        return [*self.earlier, self.value]

    @property
    def reached(self) -> int:
        """How many of the figures are within the bounds."""
        return sum(self._is_within(value) for value in self.found)

    def _is_within(self, value: float) -> bool:
        above = self.most is not None and value > self.most
        return not (above or (self.least is not None and value < self.least))


@dataclass
class Table:
    """Figures of contenders (columns) in some cases (rows).

    Args:
        name: what the table is called in files.
        title: what it shows.
        case: what the rows are.
        unit: of the figures.
        base: the contender that the others are compared with, or "".
        rows: cells by case and contender.
        aims: what was to be reached.
        axis: the rows as numbers, where there is a plot of them.
        note: what is to be said below.
    """

    name: str
    title: str
    case: str
    unit: str
    base: str = ""
    rows: dict[str, dict[str, Cell]] = field(default_factory=dict)
    aims: list[Aim] = field(default_factory=list)
    axis: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def columns(self) -> list[str]:
        """The contenders, in the order in which they first come."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def add(self, case: str, seconds: Seconds, at: float | None = None) -> dict[str, Cell]:
        """Adds a row of times, and returns it."""
        self.rows[case] = summary(seconds, self.base, SCALES[self.unit])
        if at is not None:
            self.axis.append(at)
        return self.rows[case]

    def ratio(self, case: str, contender: str, base: str = "") -> float:
        """Returns the median ratio of a contender to the base, or to another one's."""
        cell, other = self.rows[case][contender], self.rows[case].get(base)
        assert cell.ratio is not None
        return cell.ratio if other is None or other.ratio is None else cell.ratio / other.ratio


def summary(seconds: Seconds, base: str, scale: float) -> dict[str, Cell]:
    """Returns medians and quartiles of times, and of their ratios in each round to the base's."""
    cells = {}
    for name, found in seconds.items():
        low, middle, high = quartiles([scale * s for s in found])
        ratios: tuple[Any, ...] = (None, None, None)
        if base and name != base:
            ratios = quartiles([s / b for s, b in zip(found, seconds[base], strict=True)])
        cells[name] = Cell(middle, low, high, ratios[1], ratios[0], ratios[2])
    return cells


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Returns the lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def show(table: Table) -> str:
    """Returns a table as text."""
    columns = table.columns
    width = max(len(case) for case in [table.case, *table.rows]) + 2
    about = f", and times {table.base} (quartiles)" if table.base else ""
    lines = [f"{table.title}: {table.unit}{about}"]
    cells = [[str(row.get(name, "—")) for name in columns] for row in table.rows.values()]
    wide = [max(len(c) for c in [n, *(row[i] for row in cells)]) for i, n in enumerate(columns)]
    for head, row in zip([table.case, *table.rows], [columns, *cells], strict=True):
        padded = [f"{c:>{w}}" for c, w in zip(row, wide, strict=True)]
        lines.append(f"{head:<{width}}" + "  ".join(padded))
    for aim in table.aims:
        lines.append(f"  {'reached' if aim.reached else 'MISSED '}  {aim.text}: {aim.value:.3g}")
    return "\n".join([*lines, table.note] if table.note else lines)


Measure = Callable[..., list[Table]]
"""What measures a subject: whether quickly, and options of its own -> its tables."""


def main(measure: Measure, about: str | None, **own: int) -> None:
    """Measures a subject from the command line, and prints its tables.

    Args:
        measure: what measures it.
        about: its description.
        own: the defaults of options of its own.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("--json", type=Path, help="where the figures go, too")
    for name, default in own.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = vars(parser.parse_args())
    path = options.pop("json")
    tables = measure(**options)
    for table in tables:
        print(show(table), end="\n\n", flush=True)
    if path:
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
        found = [dataclasses.asdict(table) for table in tables]
        content = {"date": today, "quick": options["quick"], "tables": found}
        path.write_text(json.dumps(content, indent=1) + "\n")


def loaded(content: dict[str, Any]) -> Table:
    """Returns the table that was written as a dictionary."""
    rows = {
        case: {name: Cell(**cell) for name, cell in row.items()}
        for case, row in content["rows"].items()
    }
    return Table(**{**content, "rows": rows, "aims": [Aim(**aim) for aim in content["aims"]]})
