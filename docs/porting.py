"""Writes the table of `porting.md`: the names of brainpy.math that are absent, and why."""

from __future__ import annotations

import pathlib

from statejit.math import ABSENT

PAGE = pathlib.Path(__file__).parent / "porting.md"
MARK = "<!-- absent: {} here written by docs/porting.py -->"


def table() -> str:
    """Returns the table, in which names with one reason share a row."""
    rows: dict[str, list[str]] = {}
    for name, reason in ABSENT.items():
        rows.setdefault(reason, []).append(f"`{name}`")
    lines = [f"| {', '.join(names)} | {reason} |" for reason, names in rows.items()]
    return "\n".join(["| names | why, or what to do instead |", "| --- | --- |", *lines])


def with_table(page: str) -> str:
    """Returns a page with the table between its marks."""
    before, rest = page.split(MARK.format("from"))
    after = rest.split(MARK.format("to"))[1]
    return f"{before}{MARK.format('from')}\n\n{table()}\n\n{MARK.format('to')}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
