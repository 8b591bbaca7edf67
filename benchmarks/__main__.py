"""Runs all benchmarks, each in a process of its own, and writes what they found.

The figures go to `benchmarks/results/`, one file for each subject, and tables, aims and plots to
`docs/performance.md`. With `--only` the others keep the figures that they had. With `--page` they
go to another page, and to a folder of that name: so has the newest Python one of its own.

    PYTHONPATH=examples python benchmarks [--quick] [--times 3] [--only dispatch scale]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peers import missing, versions
from report import page
from tables import loaded

HERE = Path(__file__).parent

SUBJECTS = (
    "dispatch",
    "breakdown",
    "training",
    "first_call",
    "recompilations",
    "memory",
    "scale",
    "regression",
    "simulation",
    "loops",
    "arrays",
    "random_draws",
    "attribute_read",
    "outside",
)
"""The files, in the order of the page."""


def run(subject: str, results: Path, quick: bool, times: int) -> None:
    """Runs one subject, which prints its tables and writes its file.

    Args:
        subject: its name.
        results: the folder of the files.
        quick: whether few rounds and small sizes do.
        times: how often, each in a new process.
    """
    path = results / f"{subject}.json"
    options = ["--json", str(path), *(["--quick"] if quick else [])]
    earlier: dict[tuple[str, str], list[float]] = {}  # they come in any order
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run([sys.executable, str(HERE / f"{subject}.py"), *options], check=True)
        print(f"({subject}: {time.perf_counter() - start:.0f} s)\n", flush=True)
        content = json.loads(path.read_text())
        for table in content["tables"]:
            for aim in table["aims"]:
                known = earlier.setdefault((table["name"], aim["text"]), [])
                aim["earlier"] = list(known)
                known.append(aim["value"])
    path.write_text(json.dumps(content, indent=1) + "\n")


def said(subject: str) -> str:
    """Returns what a subject says of itself, without the command."""
    text = ast.get_docstring(ast.parse((HERE / f"{subject}.py").read_text())) or ""
    paragraphs = [part for part in text.split("\n\n") if not part.startswith("    ")]
    return "\n\n".join(paragraphs)


def machine() -> dict[str, str]:
    """Returns where, and with which versions."""
    absent = {name: f"absent: {reason}" for name, reason in missing().items()}
    return {
        "machine": f"{platform.system()} {platform.machine()}, {processor()}",
        "cores": str(len(os.sched_getaffinity(0))),
        "Python": platform.python_version(),
        **versions(),
        **absent,
    }


def processor() -> str:
    """Returns what Linux calls the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def collected(results: Path) -> dict[str, dict[str, Any]]:
    """Returns, for each subject with a file, what it is about, its date, and its tables."""
    found = {}
    for subject in SUBJECTS:
        path = results / f"{subject}.json"
        if path.exists():
            content = json.loads(path.read_text())
            tables = [loaded(table) for table in content["tables"]]
            found[subject] = {**content, "about": said(subject), "tables": tables}
    return found


def main() -> None:
    """Runs what was asked for, and writes the page of everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("--times", type=int, default=1, help="how often each is measured")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--page", default="performance", help="its name, and its figures' folder")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    options = parser.parse_args()
    results = HERE / "results" / options.page
    results.mkdir(parents=True, exist_ok=True)
    for subject in options.only:
        run(subject, results, options.quick, options.times)
    text = page(collected(results), machine(), options.docs / options.page)
    path = options.docs / f"{options.page}.md"
    path.write_text(text)
    print(path)


if __name__ == "__main__":
    main()
