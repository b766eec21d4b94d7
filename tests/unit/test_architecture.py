"""Imports point one way, importing costs no client and no network, and adapters are named in one place."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("shared", "functions", "infra")
HEAVY = (  # not google.cloud itself: functions-framework keeps its context there
    "google.cloud.firestore",
    "google.cloud.firestore_v1",
    "google.cloud.pubsub",
    "google.genai",
    "google.generativeai",
    "google.pubsub_v1",
    "google.events",
    "google.auth",
    "google.protobuf",
    "opentelemetry",
    "grpc",
    "httpx",
)
COMPOSITION = {"shared/wiring/composition.py", "shared/wiring/classifiers.py"}
ADAPTERS = {"shared.wiring.adapters", "shared.model.local"}

TRACING = "shared.spans"  # the one module that names OpenTelemetry's SDK, imported while something is traced

# The rooms of `shared`, lowest first: each may import only what lies below it. Files beside the rooms are `words`.
FLOORS = ("words", "calibration", "event", "intent", "task", "model", "gate", "chat", "wiring", "serving", "records")
PURE = ("calibration", "event", "intent", "task", "model", "gate", "chat")
# What a pure room may not import or call, but for the places that say why.
WORLD = (
    "os",
    "socket",
    "ssl",
    "subprocess",
    "http",
    "urllib.request",
    "httpx",
    "sqlite3",
    "pathlib",
    "shutil",
    "google",
)
CALLS = ("open", "print", "input", "datetime.now", "datetime.utcnow", "time.time", "time.sleep")
ALLOWED = {"shared/intent/registry.py": {"pathlib"}}  # finding the folders of intents is what it is for


def sources(*parts: str) -> list[Path]:
    """Return the modules of these parts; the test in an intent's folder is none of them, and ships nowhere."""
    return sorted(p for part in parts for p in (ROOT / part).rglob("*.py") if not p.match("functions/*/*/test_*.py"))


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


def room_of(name: str) -> str:
    """Return the room of a module or member of `shared` by its dotted name."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / "shared" / parts[1]).is_dir() else "words"


def statements(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every import of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def climbing(path: Path) -> Iterator[str]:
    """Yield what is wrong with the imports of a file of `shared`: each line that reaches for a higher room."""
    where, own = path.relative_to(ROOT).as_posix(), room_of(name_of(path))
    for line, name in statements(path):
        if belongs(name, "shared") and FLOORS.index(room_of(name)) > FLOORS.index(own):
            other = room_of(name)
            yield (
                f"{where}:{line}: {own} may not import {other} ({name}), which lies above it; move what both need into "
                f"{own} or below, or move the code that joins them into {other} or above"
            )


def worldly(path: Path) -> Iterator[str]:
    """Yield what a file of a pure room does that only `wiring` and what lies above it may do."""
    where = path.relative_to(ROOT).as_posix()
    found = [(line, name) for line, name in statements(path) if belongs(name, *WORLD)]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            found.append((node.lineno, ast.unparse(node.func)))
    for line, name in found:
        if not belongs(name, *ALLOWED.get(where, ())):
            yield f"{where}:{line}: a pure room uses {name}; take what it brings as an argument, call it in `wiring`"


def test_every_room_has_a_floor() -> None:
    rooms = {p.name for p in (ROOT / "shared").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rooms == set(FLOORS) - {"words"}


@pytest.mark.parametrize("path", sources("shared"), ids=name_of)
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    assert list(climbing(path)) == []


@pytest.mark.parametrize("path", [p for room in PURE for p in sources(f"shared/{room}")], ids=name_of)
def test_a_pure_room_does_no_io_and_reads_no_clock(path: Path) -> None:
    assert list(worldly(path)) == []


def test_the_checks_of_rooms_see_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    for room in FLOORS[1:]:
        (tmp_path / "shared" / room).mkdir(parents=True)
    wrong = tmp_path / "shared" / "task" / "wrong.py"
    wrong.write_text("import os\n\nfrom shared.records.documents import change\n\nnow = datetime.now()\n")
    (climb,) = climbing(wrong)
    assert climb.startswith("shared/task/wrong.py:3: task may not import records (shared.records.documents.change)")
    assert [w.partition(";")[0] for w in worldly(wrong)] == [
        "shared/task/wrong.py:1: a pure room uses os",
        "shared/task/wrong.py:5: a pure room uses datetime.now",
    ]


@pytest.mark.parametrize("room", FLOORS[1:])
def test_a_room_has_a_door_plate_and_hides_nothing_behind_it(room: str) -> None:
    tree = ast.parse((ROOT / "shared" / room / "__init__.py").read_text())
    plate = ast.get_docstring(tree) or ""
    assert "flow" in plate, f"shared/{room}/__init__.py must say what flows in and out, and when to touch it"
    assert "Touch it" in plate
    assert len(tree.body) == 1, f"shared/{room}/__init__.py holds its door plate alone: import from where things live"


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
        if named and where not in COMPOSITION and not belongs(name_of(path), *ADAPTERS):
            wrong.add(where)
    assert wrong == set()


def test_llm_sdks_are_named_in_one_file_each() -> None:
    def naming(sdk: str) -> list[str]:
        return [p.relative_to(ROOT).as_posix() for p in sources(*PARTS) if any(belongs(i, sdk) for i in imports(p))]

    assert naming("google.generativeai") == ["shared/wiring/adapters/gemini.py"]
    assert naming("google.genai") == ["shared/wiring/adapters/genai.py"]


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
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, list[str]] = json.loads(done.stdout)
    return report


def test_importing_shared_brings_no_client() -> None:
    names = [name_of(p) for p in sources("shared")]
    assert imported([*(n for n in names if n != TRACING), TRACING]) == {TRACING: ["opentelemetry"]}


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


def import_circles(files: Mapping[str, Path]) -> list[str]:
    """Return each circle of imports as `a -> b -> a`, one for each import that has to go; also those for types only."""
    graph = {}
    for name, path in files.items():
        named = (i if i in files else i.rpartition(".")[0] for i in imports(path))
        graph[name] = {other for other in named if other in files} - {name}
    circles = []
    while True:
        try:
            list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = error.args[1][::-1]
            circles.append(" -> ".join(circle))
            graph[circle[0]].discard(circle[1])
        else:
            return circles


def test_infra_and_functions_have_no_import_circles() -> None:
    assert import_circles({name_of(p): p for p in sources("infra", "functions")}) == []


def test_the_check_of_circles_sees_one_for_types_only(tmp_path: Path) -> None:
    table, row = tmp_path / "table.py", tmp_path / "row.py"
    table.write_text("from row import Row\n")
    row.write_text("if TYPE_CHECKING:\n    from table import Table\n")
    (circle,) = import_circles({"table": table, "row": row})
    assert circle in ("table -> row -> table", "row -> table -> row")
