"""Every command has a page of the manual, and what a page shows works."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import manual
from infra.cli import page
from infra.cli.__main__ import main
from infra.cli.commands import COMMANDS, Command, hang


def pages(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from pages(below)


README = (Path(__file__).parents[2] / "README.md").read_text()
WHOLE = hang(page.parser())
PAGES = {p.prog: p for p in pages(WHOLE)}


def test_every_command_is_on_a_page_of_the_manual() -> None:
    assert {f"switchyard {name}" for name in COMMANDS} < PAGES.keys()
    assert {"switchyard tasks reenact", "switchyard approvals reject", "switchyard dead-letters close"} < PAGES.keys()


@pytest.mark.parametrize("prog", PAGES)
def test_a_page_has_a_sentence_and_examples_that_parse(prog: str) -> None:
    shown = PAGES[prog]
    assert shown.description
    assert shown.description.endswith(".")
    assert len(shown.description) < manual.WIDEST
    found = list(manual.examples(shown))
    assert found, f"`{prog} --help` shows no example"
    for command, *words in found:
        assert command == "switchyard"
        assert shlex.join(["switchyard", *words]).startswith(prog)
        WHOLE.parse_args(words)  # ends the process with a usage message if it does not parse


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^(?:\$ )?(switchyard .+)|`(switchyard .+?)`", README, re.M))))
def test_a_command_of_the_readme_parses(line: tuple[str, str]) -> None:
    (words,) = manual.examples(argparse.ArgumentParser(epilog="examples:\n" + "".join(line)))
    if words[1] not in ("COMMAND", "--help"):
        WHOLE.parse_args(words[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_how_it_ends(name: str) -> None:
    assert "exit status:\n  0" in (PAGES[f"switchyard {name}"].epilog or "")


def test_an_example_is_read_as_the_shell_reads_it() -> None:
    lines = ("A=1 B_C=2 switchyard try 'a b'  # why", "switchyard completion bash > file")
    parser = argparse.ArgumentParser(**manual.page("Do.", *lines, status={0: "done"}))
    assert list(manual.examples(parser)) == [["switchyard", "try", "a b"], ["switchyard", "completion", "bash"]]


def test_the_first_page_lists_every_command_under_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    for heading in ("run here", "decide and repair", "build", "examples", "environment", "exit status"):
        assert f"\n{heading}:\n" in told
    for command in COMMANDS.values():
        assert f"  {command.name:<12}  {command.summary}\n" in told


def test_no_command_is_the_first_page_and_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "decide and repair:" in capsys.readouterr().err


def test_a_misspelt_command_is_one_line_that_says_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["taks", "list"]) == 2
    said = capsys.readouterr().err
    assert said == "switchyard: 'taks' is no command; did you mean tasks?; `switchyard --help` lists them\n"


def test_what_the_environment_lacks_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "demo", Command("demo", "package_that_nobody_has", "run here", ""))
    assert main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said == "switchyard: package_that_nobody_has is not in the environment; `make run` installs it\n"


def test_the_readme_lists_every_command() -> None:
    rows = README.partition("\n| command | |\n")[2].partition("\n\n")[0]
    named = {name for row in rows.splitlines() for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])}
    assert named == set(COMMANDS)
