"""Whatever is answered with 2xx is in a task, in a dead letter, or ignored with a reason."""

from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import urlencode

import pytest

from functions.intake.bodies import FORM, JSON
from tests.contract.bodies.wire import ASK, ISSUE, SCHEMES, parked, post
from tests.world import World

WORDS = "Where is my order number 47384 please"
SAID: list[tuple[str, bytes, str]] = [
    ("/hooks/crm", json.dumps({"text": WORDS}).encode(), JSON),
    ("/hooks/crm", json.dumps({"deep": {"er": [WORDS]}}).encode(), JSON),
    ("/hooks/crm", b'{"text":"%s"' % WORDS.encode(), JSON),
    ("/hooks/crm", b'{"text":"%s","text":""}' % WORDS.encode(), JSON),
    ("/zendesk", json.dumps({"ticket_title": "Order", "ticket_description": WORDS}).encode(), JSON),
    ("/jira", json.dumps({"issue": {"fields": {"description": WORDS}}}).encode(), JSON),
    ("/github", urlencode({"payload": json.dumps(ISSUE | {"issue": {"id": 1, "body": WORDS}})}).encode(), FORM),
    ("/github", urlencode({"body": WORDS}).encode(), FORM),
    ("/slack", urlencode(ASK | {"text": WORDS}).encode(), FORM),
    ("/slack", urlencode({"payload": "{" + WORDS}).encode(), FORM),
]


@pytest.mark.parametrize(("path", "body", "media"), SAID)
async def test_words_that_were_answered_with_2xx_are_in_a_task_or_a_dead_letter(
    world: World, path: str, body: bytes, media: str
) -> None:
    response = await post(path, body, media)
    assert response.status_code in (200, 202)
    ((topic, data, _),) = world.publisher.messages
    kept = base64.b64decode((await parked(world))["data"]) if topic == "events" else data
    assert kept == body or WORDS in kept.decode()


@pytest.mark.parametrize("path", SCHEMES)
@pytest.mark.parametrize("body", [b"{}", b"{", b'{"text":"Where is it?"}', b'{"a":NaN}'])
async def test_every_2xx_is_published_or_ignored_with_a_reason(world: World, path: str, body: bytes) -> None:
    response = await post(path, body)
    if response.status_code == 202:
        assert len(world.publisher.messages) == 1
    else:
        assert (response.status_code, response.json()["ignored"]) == (200, True)
        assert response.json()["reason"]


async def test_slack_event_whose_type_is_no_text_is_no_error_of_ours(world: World) -> None:
    response = await post("/slack", b'{"event":{"type":[0],"text":"hi"}}')
    assert (response.status_code, response.json()["reason"]) == (200, "no_words")


async def test_nothing_is_answered_2xx_while_the_bus_is_down(world: World) -> None:
    world.publisher.broken = True
    answers = await asyncio.gather(*(post(path, body, media) for path, body, media in SAID))
    assert {answer.status_code for answer in answers} == {503}
