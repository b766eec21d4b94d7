"""A submitted HTML form in, its pairs of names and values out."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from shared.errors import BadRequest, UnsupportedMediaType
from shared.serving.entry import read_body

MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 1000


async def submitted(request: Request) -> list[tuple[str, str]]:
    """Return the pairs of a submitted form in their order.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: it is no form of ours.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("send the page's own form", field="content-type")
    body = await read_body(request, MAX_FORM_BYTES)
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise BadRequest("the form cannot be read; reload the page", code="bad_form") from None
