"""How declarations are found: `functions/execute/<name>/intent.py` in, the closed list of intents out.

Importing this touches no network; discovery imports only the small `intent.py` files, never a handler.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import DeclarationError
from shared.intent.declaration import Intent, ParametersModel

PACKAGE = "functions.execute"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
RESERVED = frozenset({"unclassified", "out_of_scope"})


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
    _refuse_clashes(registry)
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
        raise DeclarationError(f"{where}: import failed: {type(error).__name__}: {error}") from error
    handle = getattr(module, "handle", None)
    if not inspect.iscoroutinefunction(handle) or len(inspect.signature(handle).parameters) != 2:
        raise DeclarationError(f"{where} needs `async def handle(params, ctx)`")
    for optional in ("plan", "reconcile"):
        if hasattr(module, optional) and not inspect.iscoroutinefunction(getattr(module, optional)):
            raise DeclarationError(f"{where}: `{optional}` must be `async def`")
    return module


def check_handlers(registry: Registry) -> Registry:
    """Import every intent's handler, as a build does; a function imports only its own.

    Raises:
        DeclarationError: as for `load_handler`.
    """
    for name in registry:
        load_handler(name)
    return registry


def _is_intent(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(("_", "."))


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
        raise DeclarationError(f"{where}: import failed: {type(error).__name__}: {error}") from error
    intent = getattr(module, "INTENT", None)
    if not isinstance(intent, Intent):
        raise DeclarationError(f"{where}: needs INTENT = Intent(...)")
    for problem in _problems(intent, folder.name):
        raise DeclarationError(f"{where}: {problem}")
    return intent


def _problems(intent: Intent, folder: str) -> Iterator[str]:
    if intent.name != folder:
        yield f"INTENT.name is {intent.name!r}, the folder is {folder!r}; make them equal"
    if not intent.description.strip():
        yield "description is empty; the model chooses by it"
    if len(intent.examples) < 3:
        yield "needs at least 3 examples"
    if not (isinstance(intent.parameters, type) and issubclass(intent.parameters, ParametersModel)):
        yield "parameters must be a subclass of ParametersModel"
        return
    fields = intent.parameters.model_fields
    if not fields:
        yield "Parameters has no fields; the Gemini API refuses an empty object"
    policy, limits = intent.policy, intent.limits
    if policy.risk == "money" and policy.amount is None:
        yield "policy.risk is money, so policy.amount must name the field that holds minor units"
    if policy.amount is not None and (policy.amount not in fields or fields[policy.amount].annotation is not int):
        yield f"policy.amount {policy.amount!r} is no int field of Parameters"
    if policy.subject and not policy.subject.startswith("/") and policy.subject not in fields:
        yield f"policy.subject {policy.subject!r} is neither a pointer nor a field of Parameters"
    if (policy.per_day is not None or policy.amount) and policy.subject is None:
        yield "policy.subject must say by whom per_day and amount are counted"
    if not 0 <= policy.audit_share <= 1:
        yield "policy.audit_share must be between 0 and 1"
    if not (1 <= limits.max_concurrency <= 1000 and 5 <= limits.timeout_s <= 500 and 1 <= limits.max_attempts <= 20):
        yield "limits must be max_concurrency 1..1000, timeout_s 5..500, max_attempts 1..20"
    if not 0 <= limits.patience_s <= 7 * 86_400:
        yield "limits.patience_s must be 0..604800, a week"
    if intent.idempotency.kind == "by_key" and intent.idempotency.safe_age <= timedelta(0):
        yield "by_key needs a positive safe_age"


def _refuse_clashes(registry: Registry) -> None:
    seen: dict[str, tuple[str, Any]] = {}
    for intent in registry.values():
        for name, schema in intent.parameters.model_json_schema().get("properties", {}).items():
            kind = _kind(schema)
            owner, known = seen.setdefault(name, (intent.name, kind))
            if known != kind:
                raise DeclarationError(
                    f"functions/execute/{intent.name}/intent.py: parameter {name!r} is {kind} here and {known} in "
                    f"{owner}; one answer schema serves all intents, so rename one of them"
                )


def _kind(schema: Mapping[str, Any]) -> str:
    options = [s.get("type") for s in schema.get("anyOf", [schema])]
    return "/".join(str(o) for o in options if o != "null")
