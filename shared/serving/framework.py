"""What functions-framework answers before a function is asked, as every error is answered: JSON with a code."""

from __future__ import annotations

from functools import partial
from typing import Any

from functions_framework import aio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import BadRequest, MethodNotAllowed, NotFound
from shared.serving.entry import error_response


def refuse_in_json() -> None:
    """Let the app that functions-framework makes after this refuse other methods, `/favicon.ico` and `/robots.txt` so.

    Nothing that it offers reaches the app before it serves, so the class is named that it makes apps of.
    """
    framework: Any = aio
    framework.Starlette = partial(Starlette, exception_handlers={HTTPException: _refused})


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    found: BadRequest = BadRequest("this request cannot be served")
    if error.status_code == 404:
        found = NotFound("there is nothing here")
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET, POST")
        found = MethodNotAllowed(f"use {', '.join(sorted(allowed.split(', ')))}")
    response = error_response(found)
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response
