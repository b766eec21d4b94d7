"""The scripts of `switchyard completion`, in the shells that read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.cli.__main__ import main
from infra.cli.commands import COMMANDS
from infra.cli.completion import SHELLS

ASKED = """
source "$1"; shift
COMP_WORDS=(switchyard "$@") COMP_CWORD=$#
completing=$(complete -p switchyard)
[[ $completing =~ -F\\ ([a-z_]+)\\ switchyard ]] && ${BASH_REMATCH[1]}
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return the script for a shell."""
    assert main(["completion", request.param]) == 0
    made = tmp_path / "script"
    made.write_text(capsys.readouterr().out)
    return made


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ([""], set(COMMANDS)),
        (["dead"], {"dead-letters"}),
        (["tasks", "re"], {"redrive", "reenact"}),
        (["tasks", "list", "--st"], {"--state"}),
        (["tasks", "settle", "--verdict", ""], {"applied", "not_applied"}),
        (["completion", ""], set(SHELLS)),
    ],
)
def test_bash_completes_what_was_begun(script: Path, typed: list[str], offered: set[str]) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", ASKED, "bash", str(script), *typed],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (set(done.stdout.splitlines()), done.stderr) == (offered, "")


@pytest.mark.parametrize(("script", "begins"), [("zsh", "#compdef switchyard\n"), ("fish", "")], indirect=["script"])
def test_the_other_shells_are_told_every_command(script: Path, begins: str) -> None:
    text = script.read_text()
    assert text.startswith(begins)
    for name in (*COMMANDS, "reenact"):
        assert name in text


def needs(shell: str) -> None:
    """Skip where a shell is not installed; in CI that is a failure."""
    if shutil.which(shell) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{shell} is not installed")


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_reads_it(script: Path) -> None:
    needs("zsh")
    done = subprocess.run(["zsh", "-n", str(script)], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("dead", {"dead-letters"}), ("tasks re", {"redrive", "reenact"}), ("completion ", set(SHELLS))],
)
def test_fish_completes_what_was_begun(script: Path, typed: str, offered: set[str]) -> None:
    needs("fish")
    asked = 'source $argv[1]; complete -C "switchyard $argv[2]"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked, str(script), typed],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ({line.partition("\t")[0] for line in done.stdout.splitlines()}, done.stderr) == (offered, "")
