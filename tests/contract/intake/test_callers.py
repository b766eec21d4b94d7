"""Who may post tasks in the cloud: callers with Google's token, or with a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from functions.intake.incoming import IncomingRequest
from functions.intake.step import receive_webhook
from shared.errors import Misconfigured, Retry, Unauthenticated
from shared.event.signatures import sign
from shared.serving.entry import Outcome
from shared.serving.google_tokens import email_of_google_token
from shared.settings import Settings
from shared.wiring import composition
from tests.contract.google import FakeGoogle
from tests.contract.intake.wire import (
    AUDIENCE,
    CALLER,
    CRM_SECRET,
    DIRECT_SECRET,
    JSON,
    FakePublisher,
    FakeStore,
    code_of,
    install,
    post_task,
)

CLOUD: dict[str, Any] = {
    "backend": "gcp",
    "direct_audience": AUDIENCE,
    "direct_callers": frozenset({CALLER}),
}


@pytest.fixture(scope="module")
def google() -> FakeGoogle:
    return FakeGoogle(AUDIENCE, CALLER)


class TestDirectInTheCloud:
    BODY = b'{"task_id":"t","source":"s","raw_payload":{}}'

    async def receive(self, google: FakeGoogle, headers: Mapping[str, str], **options: Any) -> Outcome:
        async def read() -> bytes:
            return self.BODY

        request = IncomingRequest("POST", "/", JSON | dict(headers), datetime.now(UTC), "", read)
        ports = composition.Ports(Settings(**(CLOUD | options)), FakeStore(), FakePublisher())  # type: ignore[arg-type]
        return await receive_webhook(request, ports, partial(email_of_google_token, certificates=google.certificates))

    async def test_token_of_an_allowed_caller_passes(self, google: FakeGoogle) -> None:
        outcome = await self.receive(google, {"authorization": f"Bearer {google.token()}"})
        assert outcome.status == 202

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "https://elsewhere.example.com"},
            {"aud": None},
            {"iss": "https://issuer.example.com"},
            {"email": "other@project.iam.gserviceaccount.com"},
            {"email": None},
            {"email_verified": False},
            {"email_verified": "true"},
            {"exp": 1_700_000_000},
            {"iat": 4_000_000_000, "exp": 4_000_000_600},
        ],
        ids=str,
    )
    async def test_token_that_is_not_quite_right_is_401(self, google: FakeGoogle, claims: dict[str, Any]) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {google.token(**claims)}"})

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "\xe9.\xe9.\xe9", "eyJhbGciOiJub25lIn0.e30."])
    async def test_garbage_token_is_401(self, google: FakeGoogle, token: str) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {token}"})

    async def test_token_signed_by_somebody_else_is_401(self, google: FakeGoogle) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {FakeGoogle(AUDIENCE, CALLER).token()}"})

    @pytest.mark.parametrize("missing", [{"direct_audience": ""}, {"direct_callers": frozenset()}])
    async def test_token_is_never_accepted_without_audience_and_list(
        self, google: FakeGoogle, missing: dict[str, Any]
    ) -> None:
        with pytest.raises(Misconfigured):
            await self.receive(google, {"authorization": f"Bearer {google.token()}"}, **missing)

    @pytest.mark.parametrize("status", [0, 500])
    async def test_certificates_out_of_reach_are_not_the_callers_fault(self, status: int) -> None:
        google = FakeGoogle(AUDIENCE, CALLER)
        google.status = status
        headers = {"authorization": f"Bearer {google.token()}"}
        with pytest.raises(Retry):
            await self.receive(google, headers)
        google.status = 200
        assert [(await self.receive(google, headers)).status for _ in range(3)] == [202, 202, 202]
        assert google.fetches == 2

    async def test_generic_signature_passes_and_nothing_is_401(self, google: FakeGoogle) -> None:
        assert (await self.receive(google, sign("generic", self.BODY, DIRECT_SECRET, datetime.now(UTC)))).status == 202
        for headers in ({}, sign("generic", self.BODY, CRM_SECRET, datetime.now(UTC)), {"authorization": "Basic eDp5"}):
            with pytest.raises(Unauthenticated):
                await self.receive(google, headers)

    async def test_stranger_is_401_where_only_tokens_are_taken_and_503_where_nothing_is(
        self, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DIRECT_WEBHOOK_SECRET")
        with pytest.raises(Unauthenticated):
            await self.receive(google, {})
        with pytest.raises(Misconfigured):
            await self.receive(google, {}, direct_callers=frozenset())

    async def test_open_route_of_the_embedded_backend_is_closed_in_the_cloud(self) -> None:
        ports = install(**CLOUD)
        try:
            assert code_of(await post_task()) == (401, "unauthenticated")
            assert ports.publisher.messages == []  # type: ignore[attr-defined]
        finally:
            composition.install(None)
