"""`make eval` over real tickets with the local classifier: what it measures, shows, writes, draws and refuses."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from infra.evaluate.tickets import Ticket, read, write
from tests.contract.evaluate.command import FEW, figures, refusal

ROOT = Path(__file__).resolve().parents[3]
TICKETS = ROOT / "tests/data/tickets.jsonl"


def test_real_tickets_are_measured_shown_written_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    made = figures(tmp_path, TICKETS, "--intent-only", "--gate", "--pictures", pictures)
    report, keywords = made["report"], made["keywords"]
    assert (report["tickets"], report["in_scope"]["count"]) == (360, 136)
    assert report["found"]["low"] > keywords["found"]["share"]  # or there would be no use in it
    assert report["right"]["low"] > keywords["right"]["share"]
    assert [entry["target"] for entry in made["automatic"]] == [0.95, 0.98, 0.99]
    assert sum(sum(row.values()) for row in report["confusion"].values()) == 360
    shown = capsys.readouterr().out
    for title in (
        "all tickets",
        "each intent",
        "out of scope",
        "automatic at a proven precision",
        "the gate, with all",
    ):
        assert title in shown
    assert "cross-fitted" in shown
    drawn = {path.name: ET.fromstring(path.read_text()) for path in pictures.iterdir()}
    assert set(drawn) == {"risk-coverage.svg", "reliability.svg", "confusion.svg"}
    assert all(root.tag == "{http://www.w3.org/2000/svg}svg" for root in drawn.values())


def test_a_recorded_run_gives_the_figures_of_the_live_one(tmp_path: Path) -> None:
    run = tmp_path / "run.jsonl"
    live = figures(tmp_path, TICKETS, "--sample", 90, "--record", run)
    again = figures(tmp_path, TICKETS, "--sample", 90, "--recorded", run, "--against", run)
    assert (again["report"], again["automatic"]) == (live["report"], live["automatic"])
    (compared,) = again["against"].values()
    assert (compared["only_here"], compared["only_there"], compared["flips"], compared["p"]) == (0, 0, [], 1.0)
    assert again["stale"] == []


def test_a_recording_of_another_question_is_told(tmp_path: Path, few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run.jsonl"
    figures(tmp_path, few, "--record", run, "--intent-only")
    figures(tmp_path, few, "--recorded", run)
    assert "intents or prompt have changed since" in " ".join(capsys.readouterr().out.split())


def test_another_setting_is_compared_ticket_by_ticket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = figures(tmp_path, TICKETS, "--sample", 120, "--against", "keywords", "--flips", 3)
    compared = made["against"]["keywords"]
    counts = [compared[name] for name in ("both", "only_here", "only_there", "neither")]
    assert sum(counts) == 120
    assert compared["only_here"] > compared["only_there"]
    assert made["keywords"]["acted"]["count"] > 0  # it finds no parameters, and is not measured by them
    by_id = {ticket.id: ticket for ticket in read(TICKETS)}
    assert all(flip["id"] in by_id for flip in compared["flips"])
    assert f"and {len(compared['flips']) - 3:,} more" in capsys.readouterr().out


def test_intents_that_are_no_folders_are_measured(tmp_path: Path) -> None:
    (tmp_path / "intents.json").write_text(
        json.dumps({"intents": [{"name": "lock_card", "description": "It is lost.", "parameters": ["card_last4"]}]})
    )
    lines = ("I lost my card", "my card was stolen", "please freeze my card")
    write(tmp_path / "examples.jsonl", [Ticket(f"e{n}", text, "lock_card") for n, text in enumerate(lines)])
    tickets = [FEW[3], FEW[4], Ticket("t6", "I lost my card", "lock_card")]
    write(tmp_path / "tickets.jsonl", tickets)
    files = ("--intents", tmp_path / "intents.json", "--examples", tmp_path / "examples.jsonl")
    report = figures(tmp_path, tmp_path / "tickets.jsonl", *files)["report"]
    assert list(report["intents"]) == ["lock_card"]
    assert (report["strange_labels"], report["known_by_heart"]) == ({}, 1)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--recorded", "nowhere.jsonl"), 1, "nowhere.jsonl cannot be read"),
        (("--against", "nowhere.jsonl"), 1, "nowhere.jsonl cannot be read"),
        (("--against", "CLASSIFIER=genai"), 2, "GEMINI_API_KEY is empty"),
        (("--against", "CLASSIFIER=gpt"), 2, "CLASSIFIER is 'gpt'"),
        (("--against", "CLASIFIER=genai"), 2, "--against has 'CLASIFIER'; did you mean 'CLASSIFIER'?"),
        (("--intents", "intents.json"), 1, "--intents and --examples belong together"),
        (("--sample", "0"), 1, "--sample must be at least 1"),
        (("--json", "/dev/null/figures.json"), 1, "/dev/null/figures.json cannot be written"),
        (("--pictures", "/dev/null/pictures"), 1, "/dev/null/pictures cannot be written"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    few: Path, arguments: tuple[str, ...], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, said = refusal(capsys, few, *arguments)
    assert (ended, len(said.splitlines())) == (status, 1)
    assert words in said
