"""What is in a bundle, how big it is, and that the same input makes the same bytes anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.bundle import ROOT, write
from infra.kit.folder import Choices, files
from infra.manifest import build
from shared.intent.registry import discover
from shared.model.artefact import load
from shared.wiring.classifiers import LEARNT
from tests.shipped import SHIPPED

FUNCTIONS = {function.name: function for function in build(discover()).functions}
EXECUTORS = [name for name in FUNCTIONS if name.startswith("execute-")]
INTENTS = {f"functions/execute/{name}/intent.py" for name in discover()}
# Bytes of the whole zip. Two thirds are the lock's hashes, 12,000 of them the exporter's of spans, for which 17,000 of
# our own code come along; raise a number only knowing what came in.
BUDGET_BYTES = {
    "intake": 463_000,  # reads every vendor's events, and counts; with the registry comes what it says of mistakes
    "intake-events": 463_000,
    "classify": 872_000,  # it calls a model within limits, or is one, tries another, counts proof, looks people up
    "resume": 589_000,  # a decision leaves a label, and can be undone on cards; audits, breakers, notes come along
    "deadletter": 570_000,
    "sweep": 620_000,  # it entombs what has ended, and looks whether too much goes wrong
    "notify": 594_000,  # its cards say what would happen and can be undone, so every declaration is in it
    "chat": 693_000,  # it decides and undoes, as the console does, without its pages, and asks by the same inputs
    "console": 1_241_000,  # the pages, letters, audits, notes, policy played through, versions of the router, OpenAPI
} | dict.fromkeys(EXECUTORS, 636_000)  # as notify, which also says where people look at the provider
A_TEAMS_INTENT_BYTES = 4_000  # each beside those that ship, where every declaration is wanted


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write(ROOT, FUNCTIONS.values(), tmp_path_factory.mktemp("dist"))


def names(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as opened:
        return set(opened.namelist())


def build_in(repository: Path, into: Path, umask: str, **env: str) -> dict[str, bytes]:
    """Run the program itself on a copy of the repository, from another folder; return each bundle's bytes."""
    command = f'umask {umask} && exec "{sys.executable}" -m infra.bundle --into "{into}"'
    subprocess.run(
        ["bash", "-c", command],
        cwd=into.parent,
        env=os.environ | {"PYTHONPATH": str(repository)} | env,
        check=True,
        timeout=200,  # all bundles, while other tests run
        stdout=subprocess.DEVNULL,
    )
    return {path.name: path.read_bytes() for path in into.iterdir()}


def copied(to: Path) -> Path:
    for part in ("functions", "infra", "shared"):
        shutil.copytree(
            ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile
        )
    return to


def test_the_same_input_makes_the_same_bytes_whatever_the_clock_folder_and_permissions(tmp_path: Path) -> None:
    first, second = copied(tmp_path / "first"), copied(tmp_path / "elsewhere" / "second")
    for number, path in enumerate(second.rglob("*.py")):
        os.utime(path, (number * 1e6, number * 1e6))
        path.chmod(0o600)
    one = build_in(first, tmp_path / "one", "022", PYTHONHASHSEED="1", TZ="UTC")
    other = build_in(second, tmp_path / "elsewhere" / "other", "077", PYTHONHASHSEED="2", TZ="Asia/Tokyo")
    assert one.keys() == {f"{name}.zip" for name in FUNCTIONS}
    assert one == other


def test_a_changed_line_changes_only_the_bundles_that_hold_it(tmp_path: Path) -> None:
    before = build_in(copied(tmp_path / "source"), tmp_path / "before", "022")
    handler = tmp_path / "source/functions/execute/order_status/main.py"
    handler.write_text(handler.read_text() + "\n# A remark.\n")
    after = build_in(tmp_path / "source", tmp_path / "after", "022")
    assert {name for name in before if before[name] != after[name]} == {"execute-order-status.zip"}


def test_a_bundle_of_a_function_that_is_gone_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "execute-gift-card.zip").write_bytes(b"old")
    write(ROOT, [FUNCTIONS["sweep"]], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.zip"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_stays_within_its_size(bundles: dict[str, Path], name: str) -> None:
    size, added = bundles[name].stat().st_size, len(INTENTS) - len(SHIPPED)
    assert size <= BUDGET_BYTES[name] + added * A_TEAMS_INTENT_BYTES, f"{name} has {size:,} bytes"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_its_function_and_nothing_of_the_workshop(bundles: dict[str, Path], name: str) -> None:
    function, found = FUNCTIONS[name], names(bundles[name])
    assert {"main.py", "requirements.txt", function.module.replace(".", "/") + ".py"} <= found
    assert {path.partition("/")[0] for path in found} == {"main.py", "requirements.txt", "functions", "shared"}
    assert not [path for path in found if "__pycache__" in path or path.endswith((".pyc", ".in"))]
    others = {f"functions/{other.module.split('.')[1]}/" for other in FUNCTIONS.values()} - {"functions/execute/"}
    own = f"functions/{function.module.split('.')[1]}/"
    assert not [path for path in found for other in others - {own} if path.startswith(other)]


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_executor_holds_its_own_intent_alone(bundles: dict[str, Path], name: str) -> None:
    folder = f"functions/execute/{FUNCTIONS[name].environment['INTENT']}/"
    in_folders = {
        path for path in names(bundles[name]) if path.startswith("functions/execute/") and path.count("/") > 2
    }
    assert {f"{folder}intent.py", f"{folder}main.py"} <= in_folders
    assert all(path.startswith(folder) for path in in_folders)


@pytest.mark.parametrize("name", ["chat", "classify", "resume", "console", "sweep", "deadletter"])
def test_who_checks_parameters_holds_every_intent_and_no_handler(bundles: dict[str, Path], name: str) -> None:
    found = names(bundles[name])
    assert {path for path in found if path.startswith("functions/execute/")} == {
        "functions/execute/__init__.py",
        *INTENTS,
    }


def test_adapters_are_only_where_their_port_is_asked_for(bundles: dict[str, Path]) -> None:
    def holders(path: str) -> set[str]:
        return {name for name, bundle in bundles.items() if path in names(bundle)}

    assert holders("shared/wiring/adapters/genai.py") == holders("shared/model/prompt.py") == {"classify"}
    assert holders("shared/wiring/outbound.py") == {"chat", "classify", "notify", *EXECUTORS}
    assert holders("shared/wiring/people.py") == {"chat", "classify", "notify"}
    assert holders("shared/wiring/adapters/firestore.py") == set(FUNCTIONS)
    assert holders("functions/intake/openapi.json") == {"intake", "intake-events"}
    assert not holders("functions/execute/refund_request/intent.py") & {"intake", "intake-events"}


def test_the_root_module_only_names_the_function(bundles: dict[str, Path]) -> None:
    with zipfile.ZipFile(bundles["intake-events"]) as bundle:
        assert bundle.read("main.py").decode().splitlines()[2:] == [
            "from functions.intake.main import intake_events as intake_events"
        ]


def test_an_intent_that_is_added_as_a_folder_gets_its_bundle(tmp_path: Path) -> None:
    source = copied(tmp_path / "source")
    folder = source / "functions/execute/fill_in_a_form"
    folder.mkdir()
    for name, text in files(
        Choices("fill_in_a_form", "Somebody wants a form filled in.", "office", "https://office.example.com")
    ).items():
        (folder / name).write_text(text)
    before, after = FUNCTIONS, build_in(source, tmp_path / "dist", "022")
    assert after.keys() - {f"{name}.zip" for name in before} == {"execute-fill-in-a-form.zip"}
    own = "functions/execute/fill_in_a_form/"
    assert f"{own}intent.py" in names(tmp_path / "dist/classify.zip")
    in_folder = {path for path in names(tmp_path / "dist/execute-fill-in-a-form.zip") if path.startswith(own)}
    assert in_folder == {f"{own}intent.py", f"{own}main.py"}, "its test stays at home"


def test_classify_alone_brings_what_the_local_classifier_learnt(bundles: dict[str, Path]) -> None:
    assert [name for name, bundle in bundles.items() if LEARNT.as_posix() in names(bundle)] == ["classify"]
    with zipfile.ZipFile(bundles["classify"]) as opened:
        assert load(opened.read(LEARNT.as_posix()), discover()).decisions == 0
