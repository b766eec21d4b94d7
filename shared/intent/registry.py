"""How declarations are found: `functions/execute/<name>/intent.py` in, the closed list of intents out.

Importing this touches no network; discovery imports only the small `intent.py` files, never a handler.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import DeclarationError
from shared.intent.checks import clashes, problems
from shared.intent.declaration import Intent
from shared.intent.mistakes import why

PACKAGE = "functions.execute"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
RESERVED = frozenset({"unclassified", "out_of_scope"})
SIGNATURES = {"handle": ("params", "ctx"), "plan": ("params", "ctx"), "reconcile": ("effect_key", "ctx")}


class Registry(dict[str, Intent]):
    """The closed list of intents, by name."""

    def __init__(self, intents: Mapping[str, Intent]) -> None:
        super().__init__(sorted(intents.items()))

    def union_properties(self) -> dict[str, dict[str, Any]]:
        """Return the JSON schema of every parameter of every intent by name, for the model's response schema."""
        union: dict[str, dict[str, Any]] = {}
        for intent in self.values():
            for name, schema in intent.parameters.model_json_schema().get("properties", {}).items():
                union.setdefault(name, schema)
        return union


def discover() -> Registry:
    """Import every `functions/execute/<name>/intent.py` and return the registry.

    Raises:
        DeclarationError: a folder's declaration is missing, malformed, misnamed or clashes with another.
    """
    package = importlib.import_module(PACKAGE)
    folders = sorted({f for root in package.__path__ for f in Path(root).iterdir() if _is_intent(f)})
    found: dict[str, Intent] = {}
    for folder in folders:
        intent = _load(folder)
        if intent.name in found:
            raise DeclarationError(f"{folder}/intent.py: another folder already declares {intent.name!r}")
        found[intent.name] = intent
    registry = Registry(found)
    for problem in clashes(registry.values()):
        raise DeclarationError(problem)
    return registry


@cache
def load_handler(name: str) -> Any:
    """Import `functions/execute/<name>/main.py` and return the module, its `handle` checked.

    Raises:
        DeclarationError: there is no such file, or no coroutine `handle(params, ctx)` in it.
    """
    where = f"functions/execute/{name}/main.py"
    if importlib.util.find_spec(f"{PACKAGE}.{name}.main") is None:
        raise DeclarationError(f"{where} is missing: it holds `async def handle`")
    try:
        module = importlib.import_module(f"{PACKAGE}.{name}.main")
    except Exception as error:
        raise DeclarationError(why(error, where)) from error
    for function, arguments in SIGNATURES.items():
        if function == "handle" or hasattr(module, function):
            _refuse_another_shape(where, function, getattr(module, function, None), arguments)
    return module


def _refuse_another_shape(where: str, name: str, function: Any, arguments: tuple[str, str]) -> None:
    wanted = f"`async def {name}({', '.join(arguments)})`"
    if function is None:
        raise DeclarationError(f"{where} needs {wanted}; it has none")
    at = f"{where}:{function.__code__.co_firstlineno}" if inspect.isfunction(function) else where
    if not inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{at}: `{name}` must be {wanted}; it is not `async def`")
    if (taken := len(inspect.signature(function).parameters)) != 2:
        raise DeclarationError(f"{at}: `{name}` must be {wanted}; it takes {taken}, not 2 arguments")


def check_handlers(registry: Registry) -> Registry:
    """Import every intent's handler, as a build does; a function imports only its own.

    Raises:
        DeclarationError: as for `load_handler`.
    """
    for name in registry:
        load_handler(name)
    return registry


def _is_intent(folder: Path) -> bool:
    """Whether a folder is meant as an intent; one with only `__pycache__` in it is what git leaves of a deleted one."""
    if not folder.is_dir() or folder.name.startswith(("_", ".")):
        return False
    return any(child.name != "__pycache__" for child in folder.iterdir())


def _load(folder: Path) -> Intent:
    where = f"functions/execute/{folder.name}/intent.py"
    if not NAME.fullmatch(folder.name) or folder.name in RESERVED:
        raise DeclarationError(
            f"{where}: the folder's name must match {NAME.pattern} and not be one of {sorted(RESERVED)}"
        )
    if not (folder / "intent.py").is_file():
        raise DeclarationError(f"{where} is missing: it holds INTENT = Intent(...)")
    try:
        module = importlib.import_module(f"{PACKAGE}.{folder.name}.intent")
    except Exception as error:
        raise DeclarationError(why(error, where)) from error
    intent = getattr(module, "INTENT", None)
    if not isinstance(intent, Intent):
        raise DeclarationError(f"{where}: needs INTENT = Intent(...)")
    for problem in problems(intent, folder.name):
        raise DeclarationError(f"{where}: {problem}")
    return intent
