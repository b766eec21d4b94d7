"""Changed files of `functions/execute` in; a running stack that goes on with them, and one line that says so, out.

All of `functions.execute` is imported anew, so that no module of the old code and none of the new ever meet; what runs
keeps the old modules alive. Code that does not load leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from infra.embedded.files import Seen, look
from infra.embedded.stack import Stack
from infra.errors import StackError
from shared.errors import DeclarationError
from shared.intent.registry import PACKAGE, Registry, check_handlers, discover, load_handler
from shared.logs import say

# Looking at some dozens of files costs less than a millisecond: no reason to take in a library with native code, whose
# events would still have to be gathered until an editor or a checkout has written all of its files.
LOOK_EVERY_S = 0.3


async def follow(stack: Stack, known: Seen, prepare: Callable[[Registry], None]) -> None:
    """Take up every change since `known` until cancelled; `prepare` gets the new intents before they are used."""

    def adopt(registry: Registry) -> None:
        prepare(registry)
        stack.adopt(registry)

    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        seen = look()
        if seen == known:
            continue
        while (now := await _look_later()) != seen:  # still being written
            seen = now
        changed = sorted({path for path, _ in known.items() ^ seen.items()})
        known = seen
        before = set(stack.ports.registry)
        try:
            reload(changed, adopt)
        except DeclarationError as error:
            words = " ".join(error.message.split())
            say(f"switchyard: not reloaded, the old code goes on: {words}", sys.stderr)
            continue
        say(f"reloaded {_names(changed)}{_difference(before, set(stack.ports.registry))}", sys.stdout)


def reload(changed: list[Path], adopt: Callable[[Registry], None]) -> None:
    """Import all of `functions.execute` anew and hand its intents to `adopt`, which does it wholly or raises.

    Raises:
        DeclarationError: something does not load or cannot be adopted; the modules are those of before.
    """
    for path in changed:  # Python would take its compiled copy for fresh after a change within the same second
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    importlib.invalidate_caches()
    before = _forget()
    try:
        adopt(check_handlers(discover()))
    except (Exception, SystemExit) as error:  # whatever a half-written file may do
        _forget()
        _restore(before)
        if isinstance(error, DeclarationError):
            raise
        what = str(error) if isinstance(error, StackError) else f"{type(error).__name__}: {error}"
        raise DeclarationError(f"{PACKAGE}: {what}") from error


def _forget() -> dict[str, ModuleType]:
    """Take the modules below the package out of Python's list of imported ones, and return them."""
    load_handler.cache_clear()
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(f"{PACKAGE}.")}


def _restore(modules: Mapping[str, ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)


async def _look_later() -> Seen:
    await asyncio.sleep(LOOK_EVERY_S)
    return look()


def _names(paths: list[Path]) -> str:
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _difference(before: set[str], after: set[str]) -> str:
    """Return which intents are new or gone, in words; nothing where they are the same."""
    said = [f"new intent {name}" for name in sorted(after - before)]
    said += [f"{name} is gone, its messages end on its last code" for name in sorted(before - after)]
    return "".join(f"; {words}" for words in said)
