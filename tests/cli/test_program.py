"""The program in the environment: where make puts it, from where it may be called, what a broken tree does to it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.__main__ import main
from infra.cli.commands import COMMANDS, Command
from tests.browser.serving import served
from tests.world import paused

BROKEN = "functions/execute/order_status/intent.py:1: SyntaxError: "
REFUSED = """
from shared.errors import DeclarationError


def main(argv):
    raise DeclarationError("functions/execute/x/intent.py: import failed: it has\\n  two lines")
"""


def call(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program as a person does, with nothing of this process's paths."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "DATA_DIR", "CONSOLE_URL")}
    return subprocess.run(command, cwd=cwd, env=kept | more, capture_output=True, text=True, timeout=60, check=False)


def test_make_links_the_program_into_the_environment_once(tree: Path) -> None:
    (tree / ".venv/bin").mkdir(parents=True)
    (tree / ".venv/.python").touch()
    program = ".venv/bin/switchyard"
    assert call("make", program, cwd=tree).returncode == 0
    assert (tree / program).resolve() == (tree / "infra/cli/switchyard.sh").resolve()
    assert os.access(tree / program, os.X_OK)
    assert "up to date" in call("make", program, cwd=tree).stdout


def test_every_environment_for_running_here_gets_the_program(tree: Path) -> None:
    planned = call("make", "-n", "demo", cwd=tree, BACKEND="embedded", CLASSIFIER="").stdout
    assert "ln -sf ../../infra/cli/switchyard.sh .venv/bin/switchyard" in planned


def test_the_program_works_from_anywhere_with_the_code_and_the_data_of_its_own_tree(tree: Path, tmp_path: Path) -> None:
    (tree / ".venv").symlink_to(sys.prefix)
    program = tmp_path / "switchyard"
    program.symlink_to(tree / "infra/cli/switchyard.sh")
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra/__init__.py").write_text("raise SystemExit('code of the folder where it was called')")
    done = call(program, "tasks", "list", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith(f"switchyard: no stack runs on {tree}/.switchyard; ")


def test_a_tree_without_an_environment_says_what_makes_one(tree: Path) -> None:
    done = call(tree / "infra/cli/switchyard.sh", "demo", cwd=tree)
    assert (done.returncode, done.stderr) == (
        1,
        f"switchyard: there is no {tree}/.venv yet; `make demo` sets it up\n",
    )


@pytest.mark.parametrize(
    "words", [("infra.cli", "run"), ("infra.cli", "demo"), ("infra.run",), ("infra.demo",)], ids=" ".join
)
def test_a_broken_declaration_is_one_line_before_anything_starts(tree: Path, words: tuple[str, ...]) -> None:
    (tree / "functions/execute/order_status/intent.py").write_text("INTENT = (\n")
    done = call(sys.executable, "-m", *words, cwd=tree, BACKEND="embedded", CLASSIFIER="")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"switchyard: {BROKEN}")
    assert not (tree / ".switchyard").exists()


async def test_a_broken_declaration_here_hinders_only_what_needs_it(tree: Path) -> None:
    (tree / "functions/execute/order_status/intent.py").write_text("INTENT = (\n")
    async with served(await paused()) as url:

        async def said(*words: str) -> subprocess.CompletedProcess[str]:
            command = (sys.executable, "-m", "infra.cli", *words, "--console", url)
            return await asyncio.to_thread(call, *command, cwd=tree)

        again = await said("tasks", "reenact", "t1")
        listed = await said("tasks", "list")
    assert (again.returncode, again.stdout) == (2, "")
    (line,) = again.stderr.splitlines()
    assert line.startswith(f"switchyard: {BROKEN}")
    assert (listed.returncode, listed.stderr) == (0, "")


def test_a_broken_declaration_is_one_line_from_whatever_command_meets_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "command_that_meets_it.py").write_text(REFUSED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "try", Command("try", "command_that_meets_it", "run here", ""))
    assert main(["try", "anything"]) == 2
    said = capsys.readouterr().err
    assert said == "switchyard: functions/execute/x/intent.py: import failed: it has two lines\n"


def test_a_setting_that_cannot_be_used_is_one_line_of_the_demo(tree: Path) -> None:
    done = call(sys.executable, "-m", "infra.demo", cwd=tree, BACKEND="elsewhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "switchyard: BACKEND is 'elsewhere'; it must be one of embedded, emulators, gcp\n"
