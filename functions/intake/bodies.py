"""The bytes of a verified webhook in, the JSON object that it holds out. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from shared.errors import BadRequest
from shared.event.strict_json import parse_object

JSON = "application/json"
CLOUDEVENTS = "application/cloudevents+json"
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 100


def payload_of(source: str, media: str, body: bytes) -> dict[str, Any]:
    """Return the object in a body: JSON, a form whose field `payload` is JSON, or the fields of a Slack command.

    Raises:
        BadRequest: `malformed_form`, or as `parse_object` does.
    """
    if media != FORM:
        return parse_object(body, mend=True)
    fields = _form(body)
    if "payload" in fields:
        return parse_object(fields["payload"].encode(), mend=True)
    if source == "slack" and fields:
        return dict(fields)
    raise BadRequest("the form must have the field payload", code="malformed_form", field="payload")


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:  # of a decoder, too
        raise BadRequest("the body must be form encoded, in UTF-8", code="malformed_form") from None
    fields = {name.replace("\x00", ""): value.replace("\x00", "") for name, value in pairs}
    if len(fields) < len(pairs):
        raise BadRequest("a form must not have the same field twice", code="malformed_form")
    return fields
