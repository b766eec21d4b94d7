"""`make scale`: what it prints and draws, and what it says to input that it cannot use."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from infra.manifest import PATH
from infra.scale import assumed
from infra.scale.__main__ import main, show
from infra.scale.chart import picture
from tests.unit.infra.scale.test_limits import answer

# Those of a limit's words by which the page calls it.
LIMITS = {"people who decide": "people", "execute-ticket-summary: requests": "`ticket_summary`"}


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["scale", *arguments])
    return main()


def test_the_answer_names_what_is_full_what_it_costs_and_what_moves_it() -> None:
    out = io.StringIO()
    show(answer(), "prod", Console(file=out, width=120))
    printed = " ".join(out.getvalue().split())
    assert "10 an hour: 13 dollars a month. Nothing is full; people who decide is nearest, at 2%." in printed
    assert "execute-ticket-summary: requests (1.1 times what there is: Limits.max_concurrency in functions" in printed
    assert "none was lost" in printed


def test_the_picture_is_well_formed_and_always_the_same() -> None:
    drawn = picture(answer())
    assert drawn == picture(answer())
    tree = ElementTree.fromstring(drawn)
    bars = [e for e in tree.iter() if e.tag.endswith("rect") and "fill" in e.attrib]
    lines = [e for e in tree.iter() if e.tag.endswith("polyline")]
    assert len(bars) == len(answer().limits)
    assert [bar.attrib["fill"] for bar in bars[:3]] == ["#b4632a", "#b4632a", "#6e9bc5"]  # full before 100,000 an hour
    assert len(lines) == 2


def test_figures_are_printed_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "500", "--burst", "50", "--people", "3", "--env", "dev", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (people,) = (limit for limit in told["limits"] if limit["name"] == "people who decide")
    assert people["full_at_tasks_an_hour"] == pytest.approx(900)
    assert people["use"] == {"500": pytest.approx(500 / 900)}
    assert told["burst"]["tasks"] == 50
    assert told["burst"]["dead"] == 0


def test_the_command_prints_draws_and_lists_what_it_assumes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, "1,000", "--burst", "10", "--assumptions", "--chart", str(tmp_path / "a.svg")) == 0
    out = capsys.readouterr().out
    assert "1,000 an hour: " in out
    assert all(name in out for name in assumed.load())
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--env", "nowhere"], 1, "nowhere.tfvars cannot be read"),
        (["--export", "missing.json"], 1, "missing.json cannot be read"),
        (["--data-dir", "missing"], 1, "missing holds no tasks"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, says: str
) -> None:
    assert command(monkeypatch, *arguments) == status
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["0"], ["-5"], ["many"], ["nan"], ["inf"], ["--burst", "0"], ["--burst", "1e9"]])
def test_numbers_that_are_none_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, *arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert arguments[-1] in said or "from 1 to 200,000" in said


def test_every_assumption_says_where_it_is_from_and_is_used() -> None:
    code = "".join(p.read_text() for p in Path(assumed.__file__).parent.glob("*.py"))
    for name, said in assumed.load().items():
        assert said.unit, name
        assert said.source.startswith(("https://", "assumed")) or "make bench" in said.source, name
        assert f'"{name}"' in code, name


def test_the_page_about_terraform_says_what_the_model_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two digits that count; which limits are full is said of each rate."""
    assert command(monkeypatch, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    page = " ".join((PATH.parent / "README.md").read_text().partition("### How much it bears")[2].split())
    rows = re.findall(r"\| ([\d,]+) \| ([\d,]+) \| ([^|]+) \|", page)
    said = {rate.replace(",", ""): (float(dollars.replace(",", "")), full) for rate, dollars, full in rows}
    assert {rate: dollars for rate, (dollars, _) in said.items()} == {
        rate: float(f"{dollars:.2g}") for rate, dollars in told["dollars_a_month"].items()
    }
    for limit in told["limits"]:
        words = LIMITS.get(limit["name"])
        for rate, use in limit["use"].items():
            assert (use > 1) == bool(words and words in said[rate][1]), (limit["name"], rate)
    [times] = (limit["use"]["100000"] for limit in told["limits"] if limit["name"] == "people who decide")
    assert f"people, {float(f'{times:.2g}'):.0f} times" in said["100000"][1]
    burst = told["burst"]
    assert f"{burst['tasks']:,} at once are classified after {burst['classified_s']:.0f} seconds" in page
    assert f"and done after {burst['done_s']:.0f}," in page
