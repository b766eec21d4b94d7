"""Source files in; rooms on their floors, and the arrows between them, out.

A room is a package of `shared`; `words` are the files beside them, `functions` and `infra` a room each. An arrow is
that files of one room import from another. A room's floor is one above the highest that it imports from.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from statistics import median

PARTS = ("shared", "functions", "infra")
WORDS = "words"
Arrows = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class File:
    """One source file: its path from the root, its lines, the lengths of its functions, the names that it imports."""

    path: str
    lines: int
    functions: tuple[int, ...]
    imports: tuple[str, ...]


@dataclass(frozen=True)
class Room:
    """Some files behind one door; `plate` is what their `__init__` says."""

    name: str
    plate: str
    files: tuple[File, ...]

    @property
    def title(self) -> str:
        """The first words of the plate."""
        return self.plate.partition(":")[0].partition(".")[0].partition(";")[0]

    @property
    def lines(self) -> int:
        """The lines of all files."""
        return sum(file.lines for file in self.files)

    @property
    def longest(self) -> File:
        """The longest file."""
        return max(self.files, key=lambda file: file.lines)

    @property
    def median_function(self) -> float:
        """The median number of lines of a function, 0 where there is none."""
        return median([n for file in self.files for n in file.functions] or [0])


@dataclass(frozen=True)
class House:
    """All rooms. `arrows` says how many import statements lead from one room to another."""

    rooms: Mapping[str, Room]
    arrows: Arrows

    @cached_property
    def circles(self) -> list[list[str]]:
        """The circles of rooms that import each other; there must be none."""
        return list(_circles(self.arrows))

    @cached_property
    def floors(self) -> list[list[Room]]:
        """The rooms on each floor, the lowest first.

        Raises:
            ValueError: rooms import each other in a circle.
        """
        if self.circles:
            raise ValueError(f"rooms import each other in a circle: {' -> '.join(self.circles[0])}")
        found: dict[str, int] = {}
        for name in TopologicalSorter(_graph(self.rooms, self.arrows)).static_order():
            found[name] = max((found[below] + 1 for above, below in self.arrows if above == name), default=0)
        heights = range(max(found.values()) + 1)
        return [[self.rooms[name] for name in sorted(found) if found[name] == height] for height in heights]


def read(root: Path) -> House:
    """Measure the code under `root`."""
    rooms = {p.name for p in (root / "shared").iterdir() if (p / "__init__.py").is_file()}
    files: dict[str, list[File]] = {}
    arrows: Counter[tuple[str, str]] = Counter()
    for part in PARTS:
        for path in sorted((root / part).rglob("*.py")):
            if path.name.startswith("test_"):
                continue  # an intent's own test lies beside it, and plays it with `infra.kit`
            own, file = _room(path.relative_to(root).parts, rooms), _file(path, root)
            files.setdefault(own, []).append(file)
            there = (name.split(".") for name in file.imports)
            arrows.update((own, _room(parts, rooms)) for parts in there if parts[0] in PARTS)
    between = {arrow: n for arrow, n in sorted(arrows.items()) if arrow[0] != arrow[1]}
    return House({name: Room(name, _plate(root, name), tuple(found)) for name, found in files.items()}, between)


def _room(parts: tuple[str, ...] | list[str], rooms: set[str]) -> str:
    if parts[0] != "shared":
        return parts[0]
    return parts[1] if len(parts) > 1 and parts[1] in rooms else WORDS


def _file(path: Path, root: Path) -> File:
    text = path.read_text(encoding="utf-8")
    tree = list(ast.walk(ast.parse(text)))
    lengths = [
        (n.end_lineno or n.lineno) - n.lineno + 1 for n in tree if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return File(path.relative_to(root).as_posix(), text.count("\n"), tuple(lengths), tuple(_imports(tree)))


def _imports(tree: list[ast.AST]) -> Iterator[str]:
    """Yield one name for each import statement, wherever in the file it stands."""
    for node in tree:
        if isinstance(node, ast.Import):
            yield node.names[0].name
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}.{node.names[0].name}"


def _plate(root: Path, room: str) -> str:
    if room == WORDS:
        names = sorted(p.stem for p in (root / "shared").glob("*.py") if p.stem != "__init__")
        return f"What all rooms speak of: {', '.join(names)}."
    folder = root / room if room in PARTS else root / "shared" / room
    return " ".join((ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or "").split())


def _graph(names: Mapping[str, Room], arrows: Arrows) -> dict[str, set[str]]:
    return {name: {below for above, below in arrows if above == name} for name in names}


def _circles(arrows: Arrows) -> Iterator[list[str]]:
    """Yield circles until the graph has none: the thinnest arrow of each is taken away to find the next."""
    left = dict(arrows)
    while True:
        try:
            TopologicalSorter({above: {b for a, b in left if a == above} for above, _ in left}).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]  # graphlib names each room before the one that imports it
            yield circle
            del left[min(pairwise(circle), key=left.__getitem__)]
        else:
            return
