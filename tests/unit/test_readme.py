"""The README's code works as written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from shared.intent.declaration import Intent, Limits, Policy, Provider
from shared.intent.handler import TaskContext
from shared.intent.provenance import FromField, FromPayload, MoneyFromPayload, NumbersFromPayload
from shared.task.schemas import AutomationTask

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README)) - {"help"}
    assert named
    assert named <= targets | {"help"}


def test_the_task_of_the_curl_example_is_valid() -> None:
    (body,) = re.findall(r"-d '(\{\s*\"task_id\".*?\})'", README, re.DOTALL)
    AutomationTask.model_validate(json.loads(body))


def test_the_intent_of_the_readme_is_found_passes_its_test_and_conformance(tmp_path: Path) -> None:
    for folder in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests/contract").mkdir(parents=True)
    shutil.copy(ROOT / "tests/contract/test_conformance.py", tmp_path / "tests/contract")
    own = tmp_path / "functions/execute/gift_card"
    own.mkdir(exist_ok=True)
    for name, text in zip(("intent.py", "main.py", "test_gift_card.py"), blocks("python")[-3:], strict=True):
        (own / name).write_text(text)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(own), "tests/contract", "-k", "gift_card"]
    ended = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count(".") >= 3 + 8
    argv = [str(Path(sys.executable).parent / "ruff"), "check", "--no-cache", str(own)]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_setting_is_in_the_readme() -> None:
    source = (ROOT / "shared/settings.py").read_text()
    names = set(re.findall(r'env(?:\.get)?[(\[, ]+"([A-Z_]+)"', source))
    assert len(names) > 15
    undocumented = {n for n in names if n not in README}
    assert undocumented <= {
        "FIRESTORE_DATABASE",
        "GOOGLE_CLOUD_PROJECT",
        "K_SERVICE",
        "TOPIC_PREFIX",
        "IAP_AUDIENCE",
        "DIRECT_CALLERS",
        "DIRECT_AUDIENCE",
        "VERTEX_LOCATION",
    }, undocumented


def test_every_program_of_the_readme_is_named_with_the_environment_it_needs() -> None:
    assert re.findall(r"(?<!\.venv/bin/)\bpython3? -m infra\S*", README) == []


GUIDED = (Intent, Policy, Limits, Provider, TaskContext, FromPayload, FromField, MoneyFromPayload, NumbersFromPayload)


@pytest.mark.parametrize("declared", GUIDED)
def test_whoever_writes_an_intent_finds_all_that_can_be_said(declared: type) -> None:
    guide = README.partition("## Add an intent\n")[2].partition("### Try a ticket\n")[0]
    assert declared.__name__ in guide or declared is TaskContext
    names = {f.name for f in fields(declared)} - {"pointer"}
    assert {name for name in names if not re.search(rf"\b{name}\b", guide)} == set()
