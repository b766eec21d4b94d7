"""Imports point one way, importing costs no client and no network, and adapters are named in one place."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("shared", "functions", "infra")
HEAVY = (  # not google.cloud itself: functions-framework keeps its context there
    "google.cloud.firestore", "google.cloud.firestore_v1", "google.cloud.pubsub", "google.genai",
    "google.generativeai", "google.pubsub_v1", "google.events", "google.auth", "google.protobuf", "grpc", "httpx",
)  # fmt: skip
COMPOSITION = {"shared/composition.py", "shared/classifiers/__init__.py"}
ADAPTERS = {
    "shared.adapters.firestore", "shared.adapters.pubsub", "shared.classifiers.local", "shared.classifiers.gemini",
    "shared.classifiers.genai",
}  # fmt: skip


def sources(*parts: str) -> list[Path]:
    return sorted(p for part in parts for p in (ROOT / part).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of every module or member that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def belongs(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


def test_shared_imports_neither_functions_nor_infra() -> None:
    # The registry finds `functions.execute` by name when it is asked for, which is no import.
    wrong = {
        (name_of(p), i) for p in sources("shared") for i in imports(p) if belongs(i, "functions", "infra", "tests")
    }
    assert wrong == set()


def test_functions_import_neither_infra_nor_another_function() -> None:
    wrong = set()
    for path in sources("functions"):
        own = ".".join(name_of(path).split(".")[:2])
        for name in imports(path):
            if belongs(name, "infra", "tests") or (belongs(name, "functions") and not belongs(name, own)):
                wrong.add((name_of(path), name))
    assert wrong == set()


def test_one_intent_does_not_import_another_and_a_handler_does_not_import_the_step() -> None:
    wrong = set()
    for path in sources("functions/execute"):
        parts = name_of(path).split(".")
        if len(parts) < 4:
            continue
        own = ".".join(parts[:3])
        wrong |= {(name_of(path), i) for i in imports(path) if belongs(i, "functions") and not belongs(i, own)}
    assert wrong == set()


def test_infra_is_imported_by_infra_and_tests_only() -> None:
    assert [p for p in sources("shared", "functions") if any(belongs(i, "infra") for i in imports(p))] == []


def test_concrete_adapters_are_named_in_the_composition_root_only() -> None:
    wrong = set()
    for path in sources("shared", "functions"):
        where = path.relative_to(ROOT).as_posix()
        named = {a for a in ADAPTERS for i in imports(path) if belongs(i, a)}
        if named and where not in COMPOSITION and name_of(path) not in ADAPTERS:
            wrong.add(where)
    assert wrong == set()


def test_llm_sdks_are_named_in_one_file_each() -> None:
    def naming(sdk: str) -> list[str]:
        return [p.relative_to(ROOT).as_posix() for p in sources(*PARTS) if any(belongs(i, sdk) for i in imports(p))]

    assert naming("google.generativeai") == ["shared/classifiers/gemini.py"]
    assert naming("google.genai") == ["shared/classifiers/genai.py"]


CHECK = """
import importlib, json, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("the network was touched")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
heavy = json.loads(sys.argv[1])
report = {}
for name in json.loads(sys.argv[2]):
    before = set(sys.modules)
    importlib.import_module(name)
    new = set(sys.modules) - before
    found = sorted(h for h in heavy if any(m == h or m.startswith(h + ".") for m in new))
    if found:
        report[name] = found
print(json.dumps(report))
"""


def imported(names: list[str]) -> dict[str, list[str]]:
    """Import modules in turn in a fresh process without a network; return which heavy clients each brought."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK, json.dumps(HEAVY), json.dumps(names)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, list[str]] = json.loads(done.stdout)
    return report


def test_importing_shared_brings_no_client() -> None:
    assert imported([name_of(p) for p in sources("shared")]) == {}


def test_importing_functions_brings_no_client_and_touches_no_network() -> None:
    names = [name_of(p) for p in sources("functions")]
    assert sum(n.endswith(".main") for n in names) >= 12
    assert imported(names) == {}


def test_check_itself_sees_a_client() -> None:
    assert imported(["httpx"]) == {"httpx": ["httpx"]}


@pytest.mark.parametrize("path", sources("functions", "shared"), ids=name_of)
def test_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{path} has no docstring"
    assert len(docstring.splitlines()) <= 6
