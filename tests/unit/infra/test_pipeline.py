"""The pipeline that Cloud Build runs: fields, images and secrets as it knows them, and none that is too old for it."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.api_core import check_python_version

from infra import pins
from infra.lock import RUNTIME_PYTHON

ROOT = Path(__file__).resolve().parents[3]
WRITTEN = date(2026, 11, 30)  # when these versions were current


def test_what_is_pinned_says_its_age_and_is_too_old_in_time() -> None:
    assert [f.problem for f in pins.pins(WRITTEN)] == ["", "", ""]
    late = list(pins.pins(WRITTEN + pins.OLDEST))
    assert all(f.problem == "more than 300: the pipeline stops" and f.mark == "optional" for f in late)
    assert [int(re.search(r", (\d+) days old$", f.what)[1]) >= 300 for f in late] == [True] * 3  # type: ignore[index]


def test_the_pipeline_looks_at_ages_and_says_the_version_that_it_uses(build: dict[str, Any]) -> None:
    [check] = [step for step in build["steps"] if step["id"] == "check"]
    lines = check["script"].splitlines()
    assert lines.index("python3 -m infra.pins") < lines.index("/check/.ci/run")
    text = (ROOT / "infra/cloudbuild.yaml").read_text()
    said = re.search(pins.PINNED["infra/cloudbuild.yaml"][1], text)
    assert said is not None
    assert set(re.findall(r"google-cloud-cli:([\d.]+)", text)) == {said[1]}


STEP_FIELDS = {"id", "name", "entrypoint", "args", "env", "script", "secretEnv", "volumes", "waitFor", "dir", "timeout"}
BUILD_FIELDS = {"steps", "substitutions", "availableSecrets", "timeout", "options"}
BUILT_IN = {"PROJECT_ID", "COMMIT_SHA"}


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "infra/cloudbuild.yaml").read_text())
    return loaded


def test_the_pipeline_has_only_fields_that_cloud_build_knows(build: dict[str, Any]) -> None:
    assert build.keys() <= BUILD_FIELDS
    for step in build["steps"]:
        assert step.keys() <= STEP_FIELDS
        assert step["name"].count(":") == 1, "an image without a tag is another one tomorrow"
        assert not ("script" in step and ("args" in step or "entrypoint" in step)), "Cloud Build takes one of them"
    ids = [step["id"] for step in build["steps"]]
    assert ids == ["terraform", "check", "bundle", "release", "fetch-plan", "deploy", "keep-plan"]


def test_the_pipeline_uses_only_substitutions_that_exist(build: dict[str, Any]) -> None:
    used = set()
    for step in build["steps"]:
        outside_scripts = [*step.get("args", []), *step.get("env", [])]
        used |= {name for text in outside_scripts for name in re.findall(r"\$\{?(\w+)", text)}
        # Cloud Build replaces nothing in a script: what it reads must be in its environment.
        given = {entry.partition("=")[0] for entry in step.get("env", [])}
        assert set(re.findall(r"\$\{?([A-Z_]+)", step.get("script", ""))) <= given
    assert used <= BUILT_IN | build["substitutions"].keys()
    assert build["substitutions"].keys() <= used


def test_the_pipelines_targets_exist(build: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = "\n".join(step.get("script", "") for step in build["steps"])
    called = set(re.findall(r"^ *make ([a-z]+)", scripts, re.MULTILINE))
    assert called == {"bundle", "deploy"}
    assert {Path(ROOT, f"infra/{name}.py").is_file() for name in re.findall(r"-m infra\.(\w+)", scripts)} == {True}
    assert called | {"check", "doctor", "smoke"} <= targets
    assert (ROOT / ".ci/run").is_file()


def test_secrets_reach_the_step_that_tests_and_no_other(build: dict[str, Any]) -> None:
    offered = {secret["env"] for secret in build["availableSecrets"]["secretManager"]}
    assert {step["id"]: step["secretEnv"] for step in build["steps"] if "secretEnv" in step} == {
        "deploy": sorted(offered)
    }


def test_an_environment_runs_in_the_image_that_made_it(build: dict[str, Any]) -> None:
    after = {step["name"] for step in build["steps"] if step["id"] not in ("terraform", "check")}
    assert len(after) == 1


def test_image_of_a_service_is_pinned_and_runs_as_nobody() -> None:
    lines = (ROOT / "infra/Dockerfile").read_text().splitlines()
    words = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines if line[:1].isupper()}
    assert re.fullmatch(r"python:[\d.]+-slim-trixie@sha256:[0-9a-f]{64}", words["FROM"])
    assert words["FROM"].startswith(f"python:{RUNTIME_PYTHON}.")
    assert words["USER"] == "65534:65534"
    assert json.loads(words["CMD"]) == ["functions-framework"]  # what tests/bundles starts each bundle with
    assert words["ENV"].startswith("FUNCTION_TARGET=$TARGET ")
    assert any("--require-hashes" in line for line in lines)
    build = yaml.safe_load((ROOT / "infra/image.yaml").read_text())
    assert build["options"]["logging"] == "CLOUD_LOGGING_ONLY"
    [step] = build["steps"]
    assert re.fullmatch(r"gcr\.io/cloud-builders/docker:[\d.]+", step["name"]), "a tag, or it moves"
    assert set(re.findall(r"\$(\w+)", json.dumps(build))) == {"_IMAGE", "_TARGET"}


def test_a_python_near_its_end_turns_no_test_red() -> None:
    """Google's clients warn of it by the calendar, in three ways, and a warning is an error here."""
    found = {check_python_version("a client", WRITTEN + timedelta(days=days)) for days in range(0, 6 * 365, 5)}
    assert len(found) > 1
