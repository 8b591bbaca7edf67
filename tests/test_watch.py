"""Nothing escapes the watch: each program of the table is equal to eager Python, or refused.

The programs are in the modules `watch_*.py`, by kind; `watch_table.py` judges.
"""

from __future__ import annotations

import importlib.util
import operator
import pathlib
import sys

import pytest
from watch_table import EQUAL, REFUSED, STATEJIT, TABLE, UNSEEN, judge

import statejit as sj

for _path in sorted(pathlib.Path(__file__).parent.glob("watch_*.py")):
    importlib.import_module(_path.stem)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", TABLE)
def test_program_becomes_what_the_table_says(name):
    entry = TABLE[name]
    verdict = judge(entry.program, STATEJIT)
    monitored = sys.version_info >= (3, 12) and entry.monitored
    assert verdict.word == (monitored or entry.expect), verdict.detail


def test_what_is_not_seen_has_a_reason():
    for name, entry in TABLE.items():
        assert entry.expect in (EQUAL, REFUSED, UNSEEN)
        assert bool(entry.reason) == (entry.expect == UNSEEN), name


def test_the_tables_of_the_docs_are_those_of_the_tests():
    at = pathlib.Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("docs_watch", at / "watch.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    text, limits = (at / "watch.md").read_text(), (at / "limits.md").read_text()
    cells, versions = writer.read_cells(text)
    table = list(TABLE.values())
    assert writer.page(table, cells, versions) == text
    assert writer.with_summary(limits, writer.summary(table, cells)) == limits


class Sized:
    """Is no object of ours; it holds an accessor, whose names are learnt when it is met."""

    def __init__(self):
        self.get = operator.attrgetter("width")
        self.width = 3.0


SIZED = Sized()


def test_computed_names_of_an_object_with_an_accessor_do_not_recur():
    name = "width"
    scaled = sj.jit(lambda x: x * getattr(SIZED, name))
    assert float(scaled(1.0)) == 3.0
    SIZED.width = 4.0
    assert float(scaled(1.0)) == 4.0
