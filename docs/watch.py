"""Writes the tables of what the watch sees, `watch.md` and a part of `limits.md`, from the tests.

`python docs/watch.py` leaves the columns of the peers as they are; with `--peers` the programs are
run with those peers that are installed, too.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import importlib.metadata
import pathlib
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

HERE = pathlib.Path(__file__).parent
TESTS = HERE.parent / "tests"
START, END = "<!-- watch: from here written by docs/watch.py -->", "<!-- watch: to here -->"
PEERS = ("jax.jit", "NNX", "Equinox")
WORDS = ("equal", "refused", "not seen")
ABSENT = "—"

Cells = dict[tuple[str, str], dict[str, str]]
"""What became of programs with the peers, by section and kind."""

INTRODUCTION = """\
# What the watch sees

Each row is a small program of the tests. It runs in eager Python and compiled, something changes
between the calls, and results and objects are compared after each: *equal*, *refused* (an error,
and nothing is changed), or *not seen* (silently something else). Of the peers every error counts
as refused, whatever it leaves behind. Their programs use their own root class of models; where that
one does not allow the program in eager Python, a plain class; {absent} where the program is about
what only statejit has, or fails in eager Python.

"""


def entries() -> list[Any]:
    """Returns all programs of the tests."""
    sys.path.insert(0, str(TESTS))
    for path in sorted(TESTS.glob("watch_*.py")):
        importlib.import_module(path.stem)
    return list(importlib.import_module("watch_table").TABLE.values())


def by_section(table: list[Any]) -> dict[str, list[Any]]:
    """Returns the programs by heading."""
    found: dict[str, list[Any]] = collections.defaultdict(list)
    for entry in table:
        found[entry.section].append(entry)
    return found


def page(table: list[Any], cells: Cells, versions: str) -> str:
    """Returns the page with a row for each program."""
    lines = [INTRODUCTION.format(absent=ABSENT) + versions, ""]
    for section, rows in by_section(table).items():
        lines += [f"## {section}", "", "| program | statejit | " + " | ".join(PEERS) + " |"]
        lines.append("| --- " * (2 + len(PEERS)) + "|")
        for entry in rows:
            peers = cells.get((section, entry.kind), {})
            later = f" (from Python 3.12 on: {entry.monitored})" if entry.monitored else ""
            found = [entry.expect + later, *(peers.get(peer, ABSENT) for peer in PEERS)]
            lines.append(f"| {entry.kind} | " + " | ".join(found) + " |")
        lines.append("")
    return "\n".join(lines)


def summary(table: list[Any], cells: Cells) -> str:
    """Returns how many programs of each section became what, and what is not seen and why."""
    lines = ["Programs that are equal / refused / not seen; [one by one](watch.md).", ""]
    lines += ["| kind | statejit | " + " | ".join(PEERS) + " |", "| --- " * (2 + len(PEERS)) + "|"]
    for section, rows in by_section(table).items():
        columns = [[entry.expect for entry in rows]]
        for peer in PEERS:
            columns.append([cells.get((section, e.kind), {}).get(peer, ABSENT) for e in rows])
        lines.append(f"| {section} | " + " | ".join(_counts(column) for column in columns) + " |")
    lines += ["", "Not seen, and why:", "", "| program | reason |", "| --- | --- |"]
    lines += [f"| {e.kind} | {e.reason} |" for e in table if e.reason]
    return "\n".join(lines)


def _counts(words: list[str]) -> str:
    counts = [words.count(word) for word in WORDS]
    return " / ".join(map(str, counts)) if any(counts) else ABSENT


def read_cells(text: str) -> tuple[Cells, str]:
    """Returns the peers' columns of a page, and the line that names their versions."""
    cells: Cells = {}
    section, versions = "", ""
    for line in text.splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("Run with "):
            versions = line
        elif len(parts) == 2 + len(PEERS) and parts[0] not in ("program", "---"):
            cells[section, parts[0]] = dict(zip(PEERS, parts[2:], strict=True))
    return cells, versions


def with_summary(text: str, part: str) -> str:
    """Returns `limits.md` with the part between the markers replaced."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{part}\n\n{END}{after}"


# The peers ---------------------------------------------------------------------------------------


def peers() -> dict[str, list[Any]]:
    """Returns the kits of the peers that are installed, the preferred first."""
    import jax
    from watch_table import Kit

    found = {"jax.jit": [Kit("jax.jit", jax.jit, object)]}
    with contextlib.suppress(ImportError):
        from flax import nnx

        found["NNX"] = [Kit("NNX", nnx.jit, root) for root in (nnx.Module, object)]
    with contextlib.suppress(ImportError):
        import equinox

        kits = [Kit("Equinox", equinox.filter_jit, root) for root in (equinox.Module, object)]
        found["Equinox"] = kits
    return found


@contextlib.contextmanager
def seconds(most: int) -> Iterator[None]:
    """Raises `TimeoutError` in what takes longer."""

    def late(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.alarm(most)
    try:
        yield
    finally:
        signal.alarm(0)


def run(entry: Any, kits: list[Any]) -> str:
    """Returns what becomes of a program with the first kit that allows it in eager Python."""
    from watch_table import judge

    word = ABSENT
    for kit in kits if not entry.ours else ():
        with contextlib.suppress(TimeoutError), seconds(60):
            word = judge(entry.program, kit).word
        if word != ABSENT:
            break
    return "refused" if word == "raises" else word


def run_peers(table: list[Any], cells: Cells) -> str:
    """Runs all programs with the peers that are installed; returns the line with the versions."""
    for peer, kits in peers().items():
        for entry in table:
            cells.setdefault((entry.section, entry.kind), {})[peer] = run(entry, kits)
    names = ("jax", "flax", "equinox")
    return "Run with " + ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names) + "."


def main() -> None:
    """Writes both tables."""
    warnings.simplefilter("ignore")
    table = entries()
    at, limits = HERE / "watch.md", HERE / "limits.md"
    cells, versions = read_cells(at.read_text() if at.exists() else "")
    if "--peers" in sys.argv:
        versions = run_peers(table, cells)
    at.write_text(page(table, cells, versions))
    limits.write_text(with_summary(limits.read_text(), summary(table, cells)))


if __name__ == "__main__":
    main()
