"""The JSON body of a request in, checked against its model; every mistake names the member."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from shared.errors import Unprocessable, UnsupportedMediaType
from shared.event.strict_json import parse_object
from shared.serving.entry import read_body
from shared.task.schemas import MAX_PAYLOAD_BYTES, Model

T = TypeVar("T", bound=Model)


async def body_of(request: Request, model: type[T], limit: int = MAX_PAYLOAD_BYTES) -> T:
    """Return the body, of `limit` bytes at most, as `model`.

    Raises:
        UnsupportedMediaType: it is not declared to be JSON.
        BadRequest: it is none, or is none that everybody reads alike.
        Unprocessable: `invalid_body`; `field` names the member.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("send application/json", field="content-type")
    sent = await read_body(request, limit)
    parse_object(sent)  # what it refuses, Pydantic's parser would take
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        pointer = "/" + "/".join(str(p) for p in first["loc"])
        raise Unprocessable(first["msg"], code="invalid_body", field=pointer[:200]) from None
