"""One page being made: who looks, at what, and the templates it is rendered with."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from functions.console import charts, guard, present, search
from shared import metrics
from shared.canonical import sha256_hex
from shared.currency import written
from shared.errors import NotFound
from shared.intent.sentence import page_at_provider
from shared.task.moves import Person
from shared.task.undo import may_be_undone
from shared.wiring.composition import Ports

# Read with the code that fills them: files that change while this process runs are of another version.
HERE = Path(__file__).parent
TEMPLATES = {
    path.relative_to(HERE / "templates").as_posix(): path.read_text(encoding="utf-8")
    for path in (HERE / "templates").rglob("*.html")
}
STATIC = {path.name: path.read_bytes() for path in (HERE / "static").iterdir()}
PARTS_AT_ONCE = 200  # of a page; a row of a list has some twenty
YEAR_S = 365 * 86_400


@dataclass
class Page:
    """What every page needs besides its own data."""

    request: Request
    ports: Ports
    who: Person

    @cached_property
    def token(self) -> str:
        """The browser's token: the same in the cookie and in every form of the page."""
        return guard.token_of(self.request, local=self.local)

    @property
    def query(self) -> Mapping[str, str]:
        """The request's query."""
        return self.request.query_params

    @property
    def now(self) -> datetime:
        """The time that ages are counted from: for display only."""
        return datetime.now(UTC)

    @property
    def local(self) -> bool:
        """Whether this runs on a developer's machine."""
        return self.ports.settings.local

    async def render(self, template: str, *, shown: Sequence[Any], status: int = 200, **data: Any) -> Response:
        """Return a page. `shown` is what it depends on: a browser that has just this gets 304 instead."""
        counts = await search.counts(self.ports.store)
        seen = [template, status, self.token, self.who.name, *counts.items(), self.request.url.query, *shown]
        etag = f'"{sha256_hex(repr(seen).encode())[:32]}"'
        if self.request.headers.get("if-none-match") == etag:
            return self.protected(Response(status_code=304, headers={"ETag": etag}))
        now = self.now
        parts = (
            environment()
            .get_template(template)
            .generate(
                page=self,
                counts=counts,
                token=self.token,
                now=now,
                when=partial(present.when, now=now),
                registry=self.ports.registry,
                threshold=self.ports.settings.confidence_threshold,
                **data,
            )
        )
        text = await _joined(parts)
        headers = {"ETag": etag} if status == 200 else {}
        return self.protected(HTMLResponse(text, status_code=status, headers=headers))

    def protected(self, response: Response) -> Response:
        """Return the response with what every answer to a browser carries."""
        return guard.protect(response, self.token, local=self.local)


async def _joined(parts: Iterator[str]) -> str:
    """Return the text of a page that is made meanwhile; a long one lets others run in between."""
    made = []
    for n, part in enumerate(parts, 1):
        made.append(part)
        if n % PARTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return "".join(made)


@cache
def environment() -> Environment:
    """Return the templates: everything is escaped, and a misspelt name is an error."""
    made = Environment(
        loader=DictLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "meter": charts.meter,
        "bars": charts.bars,
        "share": charts.share,
        "lane": charts.lane,
        "static": static_url,
    }
    made.globals |= {
        "effect": present.effect,
        "in_order": present.in_order,
        "ended": present.ended,
        "at_provider": page_at_provider,
        "written": written,
        "TOKEN_FIELD": guard.TOKEN_FIELD,
    }
    made.globals |= {"may_be_undone": may_be_undone}
    made.globals |= {"COUNT_UP_TO": search.COUNT_UP_TO, "metric": metrics.named}
    made.filters |= {"visible": present.visible, "span": present.span, "counted": present.counted}
    return made


@cache
def static_url(name: str) -> str:
    """Return the path of a static file; its content is in it, so that browsers keep it for ever."""
    return f"/static/{sha256_hex(STATIC[name])[:12]}/{name}"


def static(path: str) -> Response:
    """Return a static file.

    Raises:
        NotFound: there is none of this name.
    """
    name = path.rpartition("/")[2]
    if name not in STATIC:
        raise NotFound("there is nothing here", code="not_found")
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": f"public, max-age={YEAR_S}, immutable"}
    return Response(STATIC[name], media_type=mimetypes.guess_type(name)[0], headers=headers)
