"""The checks the real API makes before a model sees anything: authentication, request, response schema."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

# google.ai.generativelanguage.v1beta.Type by number, as SDKs send it with enum-encoding=int
TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
# fmt: off
SCHEMA_FIELDS = frozenset({
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum",
})
# fmt: on
FORMATS = {"STRING": {"enum", "date-time"}, "NUMBER": {"float", "double"}, "INTEGER": {"int32", "int64"}}
_CONTENT = re.compile(r"BEGIN ([0-9a-f]{16,})\n(.*?)\nEND \1", re.DOTALL)


class Rejected(Exception):
    """Raised when the real API would answer with this HTTP status, google.rpc status and reason."""

    def __init__(self, http: int, status: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.http, self.status, self.message, self.reason = http, status, message, reason


def authenticate(headers: Mapping[str, str], query: Mapping[str, str], keys: Collection[str], *, vertex: bool) -> None:
    """Check the API key, or on Vertex paths the bearer token. No `keys`: any that is not empty.

    Raises:
        Rejected: 400 for a bad key and 403 for none, as the Gemini API does; 401 on Vertex paths.
    """
    if vertex:
        if not headers.get("authorization", "").startswith("Bearer "):
            raise Rejected(401, "UNAUTHENTICATED", "Request is missing required authentication credential.")
        return
    key = headers.get("x-goog-api-key") or query.get("key", "")
    if not key:
        raise Rejected(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    if keys and key not in keys:
        raise Rejected(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")


def validate(body: Any) -> None:
    """Check a generateContent body.

    Raises:
        Rejected: 400 INVALID_ARGUMENT, with every problem named.
    """
    if not isinstance(body, dict) or not body.get("contents"):
        raise Rejected(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified")
    config = body.get("generationConfig", {})
    problems = []
    if "responseSchema" in config:
        where = "GenerateContentRequest.generation_config.response_schema"
        if config.get("responseMimeType") != "application/json":
            problems.append(f"{where}: only allowed when response_mime_type is application/json")
        problems += _schema_problems(config["responseSchema"], where)
    if problems:
        raise Rejected(400, "INVALID_ARGUMENT", "\n".join(f"* {p}" for p in problems))


def _schema_problems(schema: Any, where: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield f"{where}: must be an object"
        return
    schema = {_camel(name): value for name, value in schema.items()}
    yield from (f'Unknown name "{name}" at "{where}": Cannot find field.' for name in schema.keys() - SCHEMA_FIELDS)
    raw = schema.get("type", 0)
    kind = TYPES[raw] if isinstance(raw, int) and 0 <= raw < len(TYPES) else str(raw).upper()
    if kind not in TYPES[1:] and "anyOf" not in schema:
        yield f"{where}.type: must be specified"
    if schema.get("format") and schema["format"] not in FORMATS.get(kind, ()):
        yield f"{where}.format: {schema['format']!r} is not supported for {kind} type"
    if schema.get("enum") and (kind != "STRING" or not all(isinstance(v, str) and v for v in schema["enum"])):
        yield f"{where}.enum: only allowed for STRING type, and may hold no empty string"
    properties = schema.get("properties") or {}
    if kind == "OBJECT" and not properties:
        yield f"{where}.properties: should be non-empty for OBJECT type"
    for name in {*schema.get("required", ()), *schema.get("propertyOrdering", ())} - set(properties):
        yield f"{where}.required: property {name!r} is not defined"
    for name, value in properties.items():
        yield from _schema_problems(value, f"{where}.properties[{name}]")
    if kind == "ARRAY":
        yield from _schema_problems(schema.get("items"), f"{where}.items")


def _camel(name: str) -> str:
    """Protobuf's JSON takes names in both spellings, and the SDKs use both."""
    return re.sub(r"_([a-z])", lambda m: m[1].upper(), name)


def instructions_of(body: Mapping[str, Any]) -> str:
    """Return the system instruction's text."""
    return _text(body.get("systemInstruction") or body.get("system_instruction") or {})


def content_of(body: Mapping[str, Any]) -> str:
    """Return the text of all contents."""
    return "\n".join(_text(content) for content in body["contents"])


def is_of_several(body: Mapping[str, Any]) -> bool:
    """Whether the answer is to be a list, of one entry for each message."""
    schema = (body.get("generationConfig") or {}).get("responseSchema") or {}
    return schema.get("type") in ("ARRAY", TYPES.index("ARRAY"))


def items_of(content: str) -> list[tuple[str, dict[str, str]]]:
    """Return the nonce of each message and its texts: by label, and the authenticated fields as `fields/<pointer>`.

    Content of any other shape is one text, without a nonce.
    """
    return [(m[1], _texts(m[2], m[0])) for m in _CONTENT.finditer(content)] or [("", {"text": content})]


def texts_of(content: str) -> dict[str, str]:
    """Return the texts of the first message, see `items_of`."""
    return items_of(content)[0][1]


def _texts(data: str, content: str) -> dict[str, str]:
    try:
        said = json.loads(data)
        return {**said["texts"], **{f"fields{pointer}": value for pointer, value in said["fields"].items()}}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {"text": content}


def _text(content: Mapping[str, Any]) -> str:
    return "\n".join(str(part.get("text", "")) for part in content.get("parts", ()))
