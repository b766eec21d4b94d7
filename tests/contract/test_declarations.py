"""Whatever is wrong with an intent's folder is one line, at once, from every command: the file, the field, the fix."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.broken_folder import FOLDER, INTENT, MAIN, Broken
from tests.contract.declaration_mistakes import BROKEN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what a command needs."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "terraform").mkdir()
    return copy


def command(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "", "PYTHONPATH": str(project), "DATA_DIR": str(project / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
    )


def put(project: Path, files: dict[str, str]) -> None:
    folder = project / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_mistake_is_one_line_with_file_field_and_fix(project: Path, broken: Broken) -> None:
    put(project, broken.texts())
    done = command(project, "infra.manifest")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"switchyard: {FOLDER}{broken.said}\n"


def test_folder_without_a_mistake_is_an_intent(project: Path) -> None:
    put(project, {"intent.py": INTENT, "main.py": MAIN})
    done = command(project, "infra.manifest")
    assert (done.returncode, done.stderr) == (0, "")
    assert "intent-send-catalogue" in (project / "terraform/manifest.json").read_text()


@pytest.mark.parametrize("name", ["Send-Catalogue", "9lives", "unclassified", "out_of_scope"])
def test_folder_that_cannot_be_a_name_is_refused(project: Path, name: str) -> None:
    folder = project / "functions/execute" / name
    shutil.rmtree(project / FOLDER, ignore_errors=True)
    folder.mkdir()
    (folder / "intent.py").touch()
    done = command(project, "infra.manifest")
    shutil.rmtree(folder)
    assert done.stderr == (
        f"switchyard: functions/execute/{name}/intent.py: the folder's name must match [a-z][a-z0-9_]{{1,39}} and not "
        "be one of ['out_of_scope', 'unclassified']\n"
    )


@pytest.mark.parametrize("arguments", [["infra.run"], ["infra.demo"], ["infra.manifest"], ["infra.bundle"]], ids=str)
def test_every_command_says_the_line_at_once_and_nothing_else(project: Path, arguments: list[str]) -> None:
    broken = next(b for b in BROKEN if b.mistake == "an unknown field of Policy")
    put(project, broken.texts())
    done = command(project, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"switchyard: {FOLDER}{broken.said}\n"
