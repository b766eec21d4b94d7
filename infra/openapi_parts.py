"""What descriptions of our HTTP interfaces are made of: operations, parameters, answers, refusals, as OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared import errors

Schema = dict[str, Any]

_STATUSES: dict[int, type[errors.SwitchyardError]] = {
    error.status: error
    for error in (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.Gone,
        errors.MethodNotAllowed,
        errors.Refused,
        errors.TooLarge,
        errors.UnsupportedMediaType,
        errors.Unprocessable,
        errors.Retry,
    )
}


def operation(
    name: str, about: str | None, answers: Schema, *, body: Schema | None = None, parameters: Iterable[Schema] = ()
) -> Schema:
    """Describe one method of a path; `about` gives its first line."""
    described = {"operationId": name, "summary": (about or "").partition("\n")[0], "parameters": list(parameters)}
    taken = {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}} if body else {}
    return described | taken | {"responses": dict(sorted(answers.items()))}


def parameter(where: str, name: str, schema: Schema, required: bool = False) -> Schema:
    """Describe what stands in a path, a query or a header."""
    return {"name": name, "in": where, "required": required or where == "path", "schema": schema}


def refusals(*statuses: int) -> Schema:
    """Describe error answers in the words of the error tree."""
    about = {s: (_STATUSES[s].__doc__ or "").removeprefix("Raised ").capitalize() for s in statuses}
    return {str(s): answer(about[s], ref("Error")) for s in statuses}


def answer(about: str, schema: Schema) -> Schema:
    """Describe an answer in JSON."""
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def closed(**properties: Schema) -> Schema:
    """Describe an object that has all these members, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def ref(name: str) -> Schema:
    """Return the place of a model's description."""
    return {"$ref": f"#/components/schemas/{name}"}
