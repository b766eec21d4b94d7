"""Stripe's own library against our sandbox: what it sends is what we send, what it reads is what we read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import stripe
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.execute.refund_request.payments import VERSION, refunds
from infra.sandbox.app import create_app
from shared.event.signatures import sign
from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Permanent
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import ORDERS
from tests.contract.intake.wire import WEBHOOKS
from tests.contract.sandbox_vendors import Current, Sandbox
from tests.contract.vendors_contract import REFUND, bound

KEY = "t1.refund_request.1"
CREATE = {
    "payment_intent": "pi_10021_usd",
    "amount": 2500,
    "metadata": {"task_id": "t1", "effect_key": KEY},
}


@dataclass(frozen=True)
class Sent:
    """One request as it arrived, without what every HTTP client says in its own way."""

    method: str
    path: str
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    headers: dict[str, str]


@dataclass
class Recorder:
    """An app that remembers what it was asked."""

    app: ASGIApp
    seen: list[Sent] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        kept = ("authorization", "content-type", "idempotency-key", "stripe-version")
        query, form = (sorted(parse_qsl(text.decode())) for text in (scope["query_string"], body))
        sent = {name: headers[name] for name in kept if name in headers}
        self.seen.append(Sent(scope["method"], scope["path"], query, form, sent))
        await self.app(scope, again, send)


@dataclass
class Both:
    """The sandbox, our handler's way to it, and Stripe's."""

    sandbox: Sandbox
    recorder: Recorder
    library: stripe.StripeClient

    async def theirs(self, call: Callable[[stripe.StripeClient], Any]) -> Any:
        return await asyncio.to_thread(call, self.library)

    async def ours(self, effect_key: str = KEY) -> Any:
        params = REFUND.params(order_id="10021", amount_minor=2500, currency="USD")
        return await REFUND.handler.handle(params, bound(self.sandbox, REFUND, effect_key=effect_key))

    def sent(self, method: str, path: str) -> Sent:
        """Return the last request of this kind."""
        return [s for s in self.recorder.seen if (s.method, s.path) == (method, path)][-1]


@pytest.fixture
async def both(server: tuple[Current, str], pool: Pool) -> AsyncIterator[Both]:
    current, url = server
    app = create_app()
    recorder: Any = Recorder(app)
    current.app = recorder
    sandbox = Sandbox(url, app, pool)
    sandbox.seed(ORDERS)
    token = bound(sandbox, REFUND).http.token  # type: ignore[attr-defined]
    with requests.Session() as session:  # else each thread has one of its own, which nobody closes
        library = stripe.StripeClient(
            token,
            base_addresses={"api": url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=10, session=session),
        )
        yield Both(sandbox, recorder, library)


async def test_refund_is_asked_for_as_the_library_does(both: Both) -> None:
    await both.ours()
    ours = both.sent("POST", "/v1/refunds")
    again = await both.theirs(lambda c: c.v1.refunds.create(CREATE, {"idempotency_key": KEY}))  # type: ignore[arg-type]
    theirs = both.sent("POST", "/v1/refunds")
    assert replace(ours, headers={}) == replace(theirs, headers={})
    assert ours.headers == theirs.headers
    assert ("metadata[effect_key]", KEY) in ours.form
    assert (again.id, again.status, again.metadata["effect_key"]) == ("re_1", "succeeded", KEY)
    assert len(both.sandbox.done) == 1  # the same parameters under the same key, or it were refused


async def test_payments_are_searched_for_as_the_library_does_page_by_page(both: Both) -> None:
    both.sandbox.seed([ORDERS[0] | {"id": "10021", "paid": [{"id": f"pi_10021_usd_{n}"} for n in range(130)]}])
    query = {"query": 'metadata["order_id"]:"10021"', "limit": 100}
    with pytest.raises(Permanent):
        await both.ours()  # of so many payments a person chooses
    ours = [s for s in both.recorder.seen if s.path == "/v1/payment_intents/search"]
    both.recorder.seen.clear()

    def search(client: stripe.StripeClient) -> list[str]:
        found = client.v1.payment_intents.search(query)  # type: ignore[arg-type]
        return [payment.id for payment in found.auto_paging_iter()]

    assert len(set(await both.theirs(search))) == 130
    theirs = [s for s in both.recorder.seen if s.path == "/v1/payment_intents/search"]
    assert [s.query for s in ours] == [s.query for s in theirs]
    assert ours[0].headers == theirs[0].headers


async def test_refunds_are_listed_as_the_library_does_page_by_page(both: Both) -> None:
    both.sandbox.seed([ORDERS[0] | {"id": "10021", "total_minor": 1_000_000}])
    for n in range(105):
        params = CREATE | {"amount": 1, "metadata": {"effect_key": f"t{n}.refund_request.1"}}
        await both.theirs(lambda c, p=params: c.v1.refunds.create(p))  # type: ignore[misc]
    both.recorder.seen.clear()
    found, complete = await refunds(bound(both.sandbox, REFUND), payment_intent="pi_10021_usd")
    ours = list(both.recorder.seen)
    both.recorder.seen.clear()

    def listed(client: stripe.StripeClient) -> list[stripe.Refund]:
        page = client.v1.refunds.list({"payment_intent": "pi_10021_usd", "limit": 100})
        return list(page.auto_paging_iter())

    theirs = await both.theirs(listed)
    assert complete
    assert [r["id"] for r in found] == [r.id for r in theirs]
    assert len(theirs) == 105
    assert [(s.path, s.query, s.headers) for s in ours] == [(s.path, s.query, s.headers) for s in both.recorder.seen]


@pytest.mark.parametrize(
    ("fault", "theirs", "ours"),
    [
        ("401", stripe.AuthenticationError, LockedOut),
        ("403", stripe.PermissionError, LockedOut),
        ("429", stripe.RateLimitError, NotApplied),
        ("500", stripe.APIError, Ambiguous),
        ("409", stripe.APIError, Ambiguous),
    ],
)
async def test_refusal_is_read_as_the_library_reads_it(
    both: Both, fault: str, theirs: type[Exception], ours: type[HandlerOutcome]
) -> None:
    both.sandbox.script(REFUND, "refund", fault)
    with pytest.raises(theirs) as refused:
        await both.theirs(lambda c: c.v1.refunds.create(CREATE, {"idempotency_key": KEY}))  # type: ignore[arg-type]
    assert type(refused.value) is theirs
    both.sandbox.script(REFUND, "refund", fault)
    with pytest.raises(HandlerOutcome) as outcome:
        await both.ours()
    assert type(outcome.value) is ours


async def test_key_of_another_request_and_money_that_is_gone_are_the_librarys_errors(both: Both) -> None:
    both.sandbox.seed([ORDERS[0] | {"id": "10021", "total_minor": 2500}])
    await both.theirs(lambda c: c.v1.refunds.create(CREATE | {"amount": 2000}, {"idempotency_key": KEY}))  # type: ignore[arg-type]
    with pytest.raises(stripe.IdempotencyError):
        await both.theirs(lambda c: c.v1.refunds.create(CREATE | {"amount": 1}, {"idempotency_key": KEY}))  # type: ignore[arg-type]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await both.theirs(lambda c: c.v1.refunds.create(CREATE, {"idempotency_key": "another"}))  # type: ignore[arg-type]
    assert refused.value.code == "amount_too_large"
    with pytest.raises(Permanent) as outcome:
        await both.ours("t2.refund_request.1")
    assert outcome.value.code == refused.value.code


async def test_version_is_the_one_that_the_library_speaks() -> None:
    assert {"Stripe-Version": stripe.api_version} == VERSION


@pytest.mark.parametrize("path", sorted(WEBHOOKS.glob("stripe_*.json")), ids=lambda path: path.stem)
def test_recorded_event_is_one_of_the_librarys(path: Path) -> None:
    body, secret = path.read_bytes(), "whsec_of_a_test_0123456789"
    header = sign("stripe", body, secret.encode(), datetime.now(UTC))["stripe-signature"]
    event = stripe.Webhook.construct_event(body, header, secret)
    told = json.loads(body)
    assert (event.type, event.id) == (told["type"], told["id"])
    assert told["data"]["object"]["object"] == event.data.object.OBJECT_NAME
