"""What every page is sent with: headers that forbid, text that does nothing, files that are kept."""

from __future__ import annotations

import re

import httpx
import pytest

from functions.console import present
from tests.contract.console.pages.browser import HOSTILE, open_browser
from tests.world import World, paused, says, ticket


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks?state=FAILED", "/tasks/t1", "/dead-letters", "/health"])
async def test_every_page_forbids_foreign_script_and_framing(http: httpx.AsyncClient, path: str) -> None:
    answer = await open_browser(http, await paused()).get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?! src=)|\sstyle=|\son[a-z]+=", answer.text)


async def test_hostile_text_is_shown_and_does_nothing(http: httpx.AsyncClient) -> None:
    world = World(says("change_address", order_id="#20017", new_address=f"12 Street {HOSTILE}"))
    browser = open_browser(http, world)
    await world.classify(ticket(f"Send order #20017 to {HOSTILE}", email="<b>@example.com"))
    for path in ("/", "/tasks", "/tasks/t1"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "<b>@" not in page
        assert not re.search("[\u202a-\u202e\u200b\x1b]", page)
        assert not re.search(r'(href|src|action)="\s*javascript:', page)
    assert "another order" in (await browser.get("/tasks/t1")).text
    assert (
        present.visible("a\u202eb\x1b<") == 'a<span class="trick" title="hidden character">U+202E</span>b'
        '<span class="trick" title="hidden character">U+001B</span>&lt;'
    )


async def test_unchanged_page_is_not_sent_again(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    for path in ("/", "/tasks/t1"):
        await browser.get(path)
        etag = (await browser.get(path)).headers["etag"]
        assert (await http.get(path, headers={"if-none-match": etag})).status_code == 304
    await world.decide("t1")
    assert (await http.get("/tasks/t1", headers={"if-none-match": etag})).status_code == 200


async def test_static_files_are_kept_for_ever(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, World())
    for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', (await browser.get("/")).text):
        answer = await browser.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
