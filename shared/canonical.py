"""Canonical JSON and the ids and hashes made from it. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

# json.dumps would build an encoder for every call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys, no spaces and no NaN, in UTF-8."""
    return _encode(value).encode("utf-8")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def task_id_for(event_key: str) -> str:
    """Return the task id of a business fact: 26 base32 characters of its hash, lower case.

    Uniform, so that Firestore has no hot spot; equal for every redelivery of the same fact.
    """
    digest = hashlib.sha256(event_key.encode("utf-8")).digest()
    return base64.b32encode(digest).decode("ascii")[:26].lower()


def params_hash(intent: str, version: int, parameters: dict[str, Any]) -> str:
    """Return the hash of exactly what would run: intent, version of its parameters, parameters."""
    return sha256_hex(canonical_json({"intent": intent, "version": version, "parameters": parameters}))
