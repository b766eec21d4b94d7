"""Stripe's events, of our own account and of connected ones.

Sources: docs.stripe.com, "Types of events", "The Event object" and "Connect webhooks", read 2026-11. An object's
standing words are in every later event about it; new are those of an object that was made, and those that
`previous_attributes` names. Whatever else Stripe tells, a charge refunded or an invoice paid, brings no words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.event.reading import Does, Echo, Payload, Reading, Verdict, at, fact, joined, words

WRITTEN = ("description", "metadata")  # what people write into an object
DOES: Mapping[str, Does] = {"created": "created", "updated": "edited"}  # by the last word of the type
# What an event about a refund of ours proves of it: https://docs.stripe.com/refunds#failed-refunds
PROVES: Mapping[str, Verdict] = {"succeeded": "applied", "failed": "not_applied", "canceled": "not_applied"}
# Whose address the vendor's own checkout or billing has taken down.
EMAILS = ("/customer_email", "/receipt_email", "/billing_details/email", "/customer_details/email")
# What may go from an event that is too large, as far as nothing of it is read.
BULK = (
    "/data/object/lines",
    "/data/object/charges",
    "/data/object/refunds",
    "/data/object/items",
    "/data/object/outcome",
)
MAX_METADATA = 20
_NAME = re.compile(r"[\w.-]{1,40}", re.ASCII)
_EFFECT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.[a-z][a-z0-9_]{1,39}\.\d{1,6}")


def read(payload: Payload) -> Reading | None:
    """Return what a Stripe event says anew; None for a payload of another shape."""
    data, kind = payload.get("data"), payload.get("type")
    if not isinstance(data, dict) or not isinstance(kind, str):
        return None
    thing = data.get("object")
    if echo := _echo(payload, thing):
        return Reading(kind, echo=echo, fact=fact(joined("event", payload.get("id"))))
    does = DOES.get(kind.rpartition(".")[2])
    pointers = _new(thing, data.get("previous_attributes"), does)
    account = payload.get("account") or payload.get("context") or "-"
    doubts = ("test_mode",) if payload.get("livemode") is False else ()
    if payload.get("account"):
        doubts = (*doubts, "connected_account")
    return Reading(
        kind,
        words(payload, pointers),
        does or "created",
        fact(joined(account, at(thing, "/id")), "" if does == "created" else payload.get("id")),
        email=next((value for pointer in EMAILS if (value := at(thing, pointer))), None),
        id=at(thing, "/customer/id") or at(thing, "/customer"),
        name=at(thing, "/billing_details/name") or at(thing, "/customer_details/name"),
        doubts=doubts,
    )


def _new(thing: Any, before: Any, does: Does | None) -> list[str]:
    """Return the pointers whose words are new in this event."""
    if does is None or not isinstance(thing, dict):
        return []
    found = [f"/{name}" for name in WRITTEN if name != "metadata"]
    metadata = thing.get("metadata")
    names = [n for n in metadata if _NAME.fullmatch(n)] if isinstance(metadata, dict) else []
    found += [f"/metadata/{name}" for name in names[:MAX_METADATA]]
    if does == "edited":
        found = [p for p in found if _was(before, p) and at(before, p) != at(thing, p)]
    return [f"/data/object{pointer}" for pointer in found]


def _was(before: Any, pointer: str) -> bool:
    """Whether `previous_attributes` names this member; of metadata it names only the keys that changed."""
    parent, _, name = pointer.rpartition("/")
    holder = at(before, parent) if parent else before
    return isinstance(holder, dict) and name in holder


def _echo(payload: Payload, thing: Any) -> Echo | None:
    """Return our own effect that this event tells of: by the mark that our refunds carry, or by its request's key."""
    mark, key = at(thing, "/metadata/effect_key"), at(payload, "/request/idempotency_key")
    for value in (mark, key):
        if isinstance(value, str) and _EFFECT_KEY.fullmatch(value):
            refund = at(thing, "/object") == "refund"
            return Echo(value, PROVES.get(str(at(thing, "/status")), "") if refund else "")
    return None
