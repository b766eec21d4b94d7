"""A payload over its limit in, the same without what nobody reads out. Pure.

What may go is a table in each vendor's file. A member goes only if the event reads the same without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event.payload import read
from shared.event.vendors import github, jira, slack, stripe, zendesk

PRUNED = "pruned"  # the key of a task's metadata that says what was left out
BULK: Mapping[str, tuple[str, ...]] = {
    "zendesk": zendesk.BULK,
    "jira": jira.BULK,
    "slack": slack.BULK,
    "github": github.BULK,
    "stripe": stripe.BULK,
}


def pruned(
    source: str, payload: dict[str, Any], metadata: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return `payload` without the members that its vendor's table names, and the pointers of those that were there."""
    reading, left_out = read(source, payload, metadata), []
    for pointer in BULK.get(source, ()):
        less = _without(payload, pointer.split("/")[1:])
        if less is not payload and read(source, less, metadata) == reading:
            payload = less
            left_out.append(pointer)
    return payload, left_out


def _without(node: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """Return a copy of `node` that lacks a member; itself where there is none."""
    key, *rest = keys
    if key not in node:
        return node
    if not rest:
        return {name: value for name, value in node.items() if name != key}
    inner = node[key]
    less = _without(inner, rest) if isinstance(inner, dict) else inner
    return node if less is inner else {**node, key: less}
