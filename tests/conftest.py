"""What pytest is not to import by itself: tables of programs, which the tests import."""

from __future__ import annotations

collect_ignore_glob = [
    "watch_*.py",
    "brainpy_names.py",
    "counting.py",
    "programs.py",
    "refused_programs.py",
    "observing.py",
    "sharded_programs.py",
    "stateful.py",
]
