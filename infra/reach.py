"""Which modules of this repository a function can reach: root modules in, the files they import out. Pure reading.

Every import counts, wherever it stands. Only what `Ports` builds on first use counts where somebody asks for it: the
composition root names every adapter, and no function needs them all.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("shared", "functions")
COMPOSITION = Path("shared/wiring/composition.py")
PORTS = "Ports"


@dataclass
class Reach:
    """What was found: files relative to the root, and the names of the ports that they ask for."""

    files: set[Path] = field(default_factory=set)
    ports: set[str] = field(default_factory=set)


def reach(root: Path, modules: Iterable[str]) -> Reach:
    """Return everything below `root` that running `modules` (dotted names) can import."""
    found = Reach()
    readers: dict[Path, _Reader] = {}
    waiting = set(modules)
    while waiting:
        found.files |= {path for module in waiting for path in _files_of(root, module)}
        for path in found.files - readers.keys():
            readers[path] = _Reader(ports_are="self" if path == COMPOSITION else "ports")
            readers[path].visit(_parsed((root / path).read_bytes()))
        found.ports |= {port for reader in readers.values() for port in reader.asked}
        for reader in readers.values():
            reader.visit_members(found.ports)
        waiting = {module for reader in readers.values() for module in reader.take()}
    return found


@functools.cache
def _parsed(source: bytes) -> ast.Module:
    """Return what a file says; most functions reach the same ones."""
    return ast.parse(source)


def _files_of(root: Path, module: str) -> list[Path]:
    """Return the files that importing `module` runs: its own and its packages'; none for other people's modules."""
    parts = module.split(".")
    if parts[0] not in PACKAGES:
        return []
    stems = [Path(*parts[: n + 1]) for n in range(len(parts))]
    candidates = [stem / "__init__.py" for stem in stems] + [stems[-1].with_suffix(".py")]
    return [path for path in candidates if (root / path).is_file()]


class _Reader(ast.NodeVisitor):
    """Imports of one module, and the ports it asks for. Methods of `Ports` wait until they are asked for."""

    def __init__(self, ports_are: str) -> None:
        self.asked: set[str] = set()
        self._ports_are = ports_are
        self._imports: set[str] = set()
        self._members: dict[str, ast.FunctionDef] = {}

    def take(self) -> set[str]:
        """Return the imports found since the last time."""
        taken, self._imports = self._imports, set()
        return taken

    def visit_members(self, ports: Iterable[str]) -> None:
        """Read the methods of `Ports` with these names."""
        for name in set(ports) & self._members.keys():
            self.generic_visit(self._members.pop(name))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if node.name == PORTS:
            self._members = {member.name: member for member in node.body if isinstance(member, ast.FunctionDef)}
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self._imports |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self._imports |= {module, *(f"{module}.{alias.name}" for alias in node.names)}

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if ast.unparse(node.value).removesuffix("()").rpartition(".")[2] == self._ports_are:
            self.asked.add(node.attr)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        for child in node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else ast.iter_child_nodes(node):
            self.visit(child)
