"""The page of a machine and its versions: all tables with what was aimed at, and some plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from tables import Aim, Cell, Table

mpl.use("agg")
import matplotlib.pyplot as plt

PLOTTED = {
    "dispatch": "slots",
    "simulation": "neurons",
    "scale_slots": "slots",
    "scale_depth": "depth",
}
"""The tables with a plot, and what its axis is."""

INTRODUCTION = """\
# Performance on Python {Python} and JAX {jax}

What statejit costs beside hand-written JAX and beside its peers. Made by `make bench`, and by
nobody's hand.

Contenders take turns in one process, and compared are the ratios within a round: given are medians,
and quartiles in brackets. "By hand" is what an expert would write with `jax.jit` over a nested
dict. Aims that were missed stand here as well as those that were reached. Where a subject was
measured more than once, each time in a new process, its aims have the figures of all runs, and its
tables are those of the last.
"""


def page(subjects: dict[str, dict[str, Any]], about: dict[str, str], images: Path) -> str:
    """Returns the page; draws its plots.

    Args:
        subjects: by name, what each is about, its date and way, and its tables.
        about: the machine, and the versions.
        images: the folder of the plots, beside the page.
    """
    images.mkdir(parents=True, exist_ok=True)
    tables = [table for subject in subjects.values() for table in subject["tables"]]
    quick = [name for name, subject in subjects.items() if subject["quick"]]
    warning = f"*Measured with `--quick`, which says little: {', '.join(quick)}.*" if quick else ""
    parts = [INTRODUCTION.format(**about), warning, _listed(about), "## Aims", _aims(tables)]
    for name, subject in subjects.items():
        parts += [
            f"## {name.replace('_', ' ').capitalize()}",
            subject["about"],
            _when(subject),
        ]
        for table in subject["tables"]:
            parts += list(_section(table, images))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _section(table: Table, images: Path) -> Iterator[str]:
    """Yields the parts of what is said of one table."""
    yield f"**{table.title}**, {table.unit}{_beside(table)}"
    yield _rows(table)
    if table.note:
        yield table.note
    if table.name in PLOTTED:
        draw(table, images / f"{table.name}.svg")
        yield f"![{table.title}]({images.name}/{table.name}.svg)"


def _when(subject: dict[str, Any]) -> str:
    """Returns when a subject was measured, and whether with care."""
    how = " with `--quick`: few rounds, small sizes" if subject["quick"] else ""
    return f"Measured on {subject['date']}{how}."


def _beside(table: Table) -> str:
    return f", and times {table.base}:" if table.base else ":"


def _listed(about: dict[str, str]) -> str:
    """Returns a table of two columns."""
    lines = [f"| {name} | {value} |" for name, value in about.items()]
    return "\n".join(["| measured | on |", "| --- | --- |", *lines])


def _aims(tables: list[Table]) -> str:
    """Returns the table of all aims."""
    lines = ["| measured | aim | found | |", "| --- | --- | ---: | --- |"]
    for table in tables:
        for aim in table.aims:
            found = " · ".join(f"{value:.3g}" for value in aim.found)
            lines.append(f"| {table.title} | {aim.text} | {found} | {_verdict(aim)} |")
    return "\n".join(lines)


def _verdict(aim: Aim) -> str:
    """Returns whether an aim was reached, and in how many of the runs if not in all."""
    if aim.reached == len(aim.found):
        return "reached"
    return f"**{aim.reached} of {len(aim.found)}**" if aim.reached else "**missed**"


def _rows(table: Table) -> str:
    """Returns the table itself."""
    columns = table.columns
    lines = [f"| {table.case} | {' | '.join(columns)} |"]
    lines.append(f"| --- |{' ---: |' * len(columns)}")
    for case, row in table.rows.items():
        cells = [str(row.get(name, Cell("—"))) for name in columns]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(table: Table, path: Path) -> None:
    """Draws the figures of a table against its axis, both in logarithms."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name in table.columns:
        found = [row.get(name) for row in table.rows.values()]
        points = [(x, c) for x, c in zip(table.axis, found, strict=True) if c is not None]
        xs, values = zip(*((x, float(c.value)) for x, c in points), strict=True)
        width = 2.5 if name.startswith("statejit") else 1.2
        axes.plot(xs, values, "o-", label=name, lw=width, ms=4)
    axes.set(xscale="log", yscale="log", xlabel=PLOTTED[table.name], ylabel=table.unit)
    axes.set_title(table.title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    # No date in the file, and stable names, so that it changes only where the figures do.
    with mpl.rc_context({"svg.hashsalt": table.name}):
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
