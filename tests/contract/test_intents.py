"""`make intent`: what it writes runs as it is, and what it cannot use is refused before anything is written."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from itertools import cycle, product
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from infra.kit.folder import Choices, Kind, Risk, files
from shared.intent.declaration import Policy

ROOT = Path(__file__).parents[2]
KINDS = list(product(get_args(Risk), get_args(Kind)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project as far as an intent needs it, with the intents that are there."""
    for part in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "terraform").mkdir()
    (tmp_path / "tests/contract").mkdir(parents=True)
    shutil.copy(ROOT / "tests/contract/test_conformance.py", tmp_path / "tests/contract")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def call(project: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", *arguments]
    return subprocess.run(
        argv, cwd=project, stdin=stdin, capture_output=True, text=True, timeout=200, check=False, env=env
    )


def test_new_intent_passes_its_own_test_and_conformance_as_it_is(project: Path) -> None:
    """Each risk once, and each way to bear repetition."""
    kinds = list(zip(get_args(Risk), cycle(get_args(Kind)), strict=False))
    names = [f"new_{risk}_{kind}" for risk, kind in kinds]
    for name, (risk, kind) in zip(names, kinds, strict=True):
        done = call(project, "infra.intents", name, "--risk", risk, "--idempotency", kind)
        assert (done.returncode, done.stderr) == (0, "")
    manifest = (project / "terraform/manifest.json").read_text()
    assert all(f"execute-{name.replace('_', '-')}" in manifest for name in names)
    done = call(project, "pytest", "-p", "no:cacheprovider", "functions", "tests/contract", "-k", " or ".join(names))
    assert done.returncode == 0, done.stdout
    own, conformance = 4, 8
    assert done.stdout.count(".") >= (own + conformance) * len(names)


def test_what_is_written_is_as_ruff_wants_it(project: Path) -> None:
    long = 'The customer says "it" broke \\ and wants it mended ' + "soon and well, " * 20
    for (risk, kind), (name, words) in product(KINDS, (("m", "Mend it."), ("mend_what_broke_verylo", long))):
        name = f"{name}_{risk}_{kind}"[:40]
        folder = project / "functions/execute" / name
        folder.mkdir()
        choices = Choices(name, words, name, f"https://{name.replace('_', '-')}.example.com", risk, kind)
        for file, text in files(choices).items():
            (folder / file).write_text(text)
    for command in (["check", "--no-cache", "functions"], ["format", "--no-cache", "--check", "functions"]):
        argv = [str(Path(sys.executable).parent / "ruff"), *command]
        done = subprocess.run(argv, cwd=project, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Gift-Card"], "NAME 'Gift-Card' must match [a-z][a-z0-9_]{1,39}: small letters, digits and underscores"),
        (["out_of_scope"], "NAME 'out_of_scope' is taken by Python or by us; choose another one"),
        (["class"], "NAME 'class' is taken by Python or by us; choose another one"),
        (
            ["order_status"],
            "NAME 'order_status': functions/execute/order_status exists already; choose another one, or change what is "
            "there",
        ),
        (
            ["step"],
            "NAME 'step': functions/execute/step.py exists already; choose another one, or change what is there",
        ),
        (["mend_it", "--description", " "], "description must be one line of text"),
        (["mend_it", "--description", "a\nb"], "description must be one line of text"),
        (
            ["mend_it", "--provider", "Work-Shop"],
            "provider 'Work-Shop' must match [a-z][a-z0-9_]{0,39}; it becomes part of a variable's name",
        ),
        (["mend_it", "--url", "http://workshop.example.com"], "url 'http://workshop.example.com' must be https://host"),
        (
            ["mend_it", "--provider", "shop", "--url", "https://other.example.com"],
            "provider 'shop' is at https://shop.example.com already; leave --url out, or name another provider",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_nothing_is_written(project: Path, arguments: list[str], said: str) -> None:
    before = sorted(project.rglob("*"))
    done = call(project, "infra.intents", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"switchyard: {said}\n")
    assert sorted(project.rglob("*")) == before


def test_every_risk_that_a_policy_knows_can_be_chosen() -> None:
    assert set(get_args(Risk)) == set(get_args(get_type_hints(Policy)["risk"]))


def test_terminal_is_asked_for_what_the_command_line_leaves_out(project: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"Somebody wants it mended.\nmony\nmoney\nby_key\nworkshop\n\n")
    done = call(project, "infra.intents", "mend_it", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "it must be one of none, money, credential" in done.stdout
    text = (project / "functions/execute/mend_it/intent.py").read_text()
    assert 'description="Somebody wants it mended.",' in text
    assert 'provider=Provider("workshop", url="https://workshop.example.com"),' in text
    assert 'risk="money"' in text
    assert "by_key(safe_age" in text


def test_intent_is_refused_while_another_one_is_broken(project: Path) -> None:
    (project / "functions/execute/order_status/intent.py").write_text("INTENT = 1\n")
    done = call(project, "infra.intents", "mend_it")
    assert done.stderr == "switchyard: functions/execute/order_status/intent.py: needs INTENT = Intent(...)\n"
    assert not (project / "functions/execute/mend_it").exists()
