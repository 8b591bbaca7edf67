"""Nothing escapes the watch: each program of the table is equal to eager Python, or refused.

The programs are in the modules `watch_*.py`, by kind; `watch_table.py` judges.
"""

from __future__ import annotations

import importlib
import pathlib

import pytest
from watch_table import EQUAL, REFUSED, STATEJIT, TABLE, UNSEEN, judge

for _path in sorted(pathlib.Path(__file__).parent.glob("watch_*.py")):
    importlib.import_module(_path.stem)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", TABLE)
def test_program_becomes_what_the_table_says(name):
    entry = TABLE[name]
    verdict = judge(entry.program, STATEJIT)
    assert verdict.word == entry.expect, verdict.detail


def test_what_is_not_seen_has_a_reason():
    for name, entry in TABLE.items():
        assert entry.expect in (EQUAL, REFUSED, UNSEEN)
        assert bool(entry.reason) == (entry.expect == UNSEEN), name
