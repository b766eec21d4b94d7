"""A program's settings to try in, what would be different by them out: `POST /api/policy/simulate`. Changes nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.console.bodies import body_of
from functions.console.whatif_recent import MOST, compare
from functions.console.whatif_report import report
from shared.errors import SettingError, Unprocessable
from shared.task.schemas import Confidence, Model
from shared.wiring.composition import Ports

Variable = Literal[
    "CONFIDENCE_THRESHOLD", "AUTOMATIC", "DISABLED_INTENTS", "CERTIFICATION", "CERTIFICATE", "LOCAL_CERTIFICATE"
]


class SimulateBody(Model):
    """Settings to try on the newest tasks; what is left out stays as it is today."""

    settings: dict[Variable, str] = Field(default={}, description="Whole, as the variable would say it")
    audit_share: Confidence | None = Field(default=None, description="Of every intent, drawn for a look")
    limit: int = Field(default=200, ge=1, le=MOST, description="Of the newest tasks")


async def simulate(request: Request, ports: Ports) -> Response:
    """Answer with the comparison.

    Raises:
        Unprocessable: `bad_setting`: a setting cannot be used; `field` points at it.
    """
    body = await body_of(request, SimulateBody)
    variables = {str(name): text for name, text in body.settings.items()}
    try:
        found = await compare(ports, variables, limit=body.limit, audit_share=body.audit_share)
    except SettingError as error:
        raise Unprocessable(error.message, code="bad_setting", field=f"/settings/{error.field}") from None
    return JSONResponse(report(found))
