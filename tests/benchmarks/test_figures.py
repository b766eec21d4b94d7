"""Quantiles, ratios of pairs, what processes take, and the tables of all this."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.table import Table

from infra.errors import StackError
from tests.benchmarks import pictures, readme, table, usage
from tests.benchmarks.rows import Row
from tests.benchmarks.statistics import Ratio, quantile, ratio
from tests.benchmarks.usage import Process

ROW = Row("switchyard", 450, 64, 9.0, 50.0, 80.0, 95.0, 99.0, 8.0, 0.0, 1.0, 75.0, 1.0, 946.0, 20.0, 0, 1.5, 0.9)


def text(made: Table) -> list[str]:
    console = Console(width=300, record=True, file=io.StringIO())
    console.print(made)
    return console.export_text().splitlines()


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.501, 6), (0.95, 10), (1.0, 10)])
def test_a_quantile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert quantile([3, 1, 2, 10, 9, 8, 4, 5, 6, 7], share) == value


def test_there_is_no_quantile_of_nothing_and_no_share_over_one() -> None:
    for values, share in (([], 0.5), ([1.0], 1.5)):
        with pytest.raises(ValueError, match="a quantile needs"):
            quantile(values, share)


def test_a_ratio_is_of_pairs_not_of_means() -> None:
    assert ratio([1, 10, 100], [2, 10, 50]) == Ratio(middle=1.0, least=0.5, most=2.0)


def test_what_does_not_pair_has_no_ratio() -> None:
    assert ratio([0.0], [1.0]) is None
    assert ratio([], []) is None
    with pytest.raises(ValueError, match="argument 2"):
        ratio([1.0], [])


def test_a_family_is_a_process_and_whatever_descends_from_it() -> None:
    known = {1: Process(0, "init", 9), 2: Process(1, "worker", 1), 3: Process(2, "java", 2), 4: Process(1, "other", 4)}
    assert set(usage.family([2, 99], known)) == {2, 3}


def test_this_process_takes_cpu_and_memory() -> None:
    assert usage.cpu([os.getpid()]).own_s > 0
    assert usage.memory_mb([os.getpid()]) > 1


def test_the_table_shows_the_middle_of_the_repeats_in_the_order_of_the_systems() -> None:
    rows = [replace(ROW, per_s=n) for n in (10, 50, 20)] + [replace(ROW, system="fastapi", per_s=1234.0, calls=2.0)]
    lines = text(table.figures(rows, 450, {"switchyard": "every step"}))
    assert "450 tickets, 64 requests in flight" in lines[0]
    ours, theirs = (line for line in lines if "switchyard" in line or "fastapi" in line)
    assert [cell.strip() for cell in ours.split("│")[1:4]] == ["switchyard", "every step", "20"]
    assert [cell.strip() for cell in theirs.split("│")[1:4]] == ["fastapi", "", "1,234"]


def test_only_systems_on_emulators_have_a_column_for_what_these_take() -> None:
    heads = ["".join(text(table.figures([replace(ROW, emulators_ms=ms)], 450, {}))) for ms in (0.0, 3.0)]
    assert ["emulators" in head for head in heads] == [False, True]


def test_the_table_of_ratios_pairs_the_builds_turn_by_turn() -> None:
    old = [replace(ROW, tasks=size, per_s=per_s) for per_s in (10.0, 40.0) for size in (1, 450)]
    new = [replace(row, per_s=row.per_s * factor) for row, factor in zip(old, (2, 1, 4, 1), strict=True)]
    found = table.ratios(old, new)
    assert found[1]["per_s"] == Ratio(3.0, 2.0, 4.0)
    lines = text(table.compared(found, "v1"))
    assert "this tree over v1" in lines[0]
    assert "3.00 (2.00-4.00)" in next(line for line in lines if "tasks/s" in line)
    assert not any("emulators" in line for line in lines)


def test_the_table_of_the_readme_takes_the_most_tickets_and_what_one_alone_took(tmp_path: Path) -> None:
    rows = [replace(ROW, tasks=1, p50_ms=7.0), replace(ROW, per_s=99.0), replace(ROW, tasks=10)]
    file = tmp_path / "README.md"
    file.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.put(file, readme.markdown(rows, {"switchyard": "every step"}, "How."))
    lines = file.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert "| switchyard | every step | 99 | 8 | 1 | 946 | 75 | 1 | 7 | 1.5 |" in lines


def test_a_readme_without_the_marks_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"{readme.BEGIN}\n")
    with pytest.raises(StackError, match="to put the table between"):
        readme.put(file, "table")
    assert file.read_text() == f"{readme.BEGIN}\n"


def test_pictures_hold_every_system_and_every_number_of_tickets(tmp_path: Path) -> None:
    rows = [replace(ROW, system=s, tasks=n) for s in ("switchyard", "a<b") for n in (1, 450, 4500)]
    bars, sizes = (ElementTree.parse(path) for path in pictures.write(tmp_path, rows, "2 cores"))
    assert {"switchyard", "a<b", "2 cores"} <= {element.text for element in bars.iter()}
    assert {"switchyard", "a<b", "450", "4,500"} <= {element.text for element in sizes.iter()}
    names = [float(e.get("y", "")) for e in sizes.iter() if e.text in ("switchyard", "a<b")]
    assert abs(names[0] - names[1]) >= pictures.APART


def test_one_number_of_tickets_makes_one_picture(tmp_path: Path) -> None:
    assert [path.name for path in pictures.write(tmp_path, [ROW], "2 cores")] == ["systems.svg"]
