"""Taking a task, writing a note and saying who has it open, over the API; and finding what somebody is on."""

from __future__ import annotations

from typing import Any

import httpx

from tests.contract.console.api.calls import code, serve
from tests.world import paused

ME = "developer@localhost"


async def test_task_is_taken_noted_found_and_left(http: httpx.AsyncClient) -> None:
    serve(await paused())

    async def post(action: str, **body: Any) -> httpx.Response:
        return await http.post(f"/api/tasks/t1/{action}", json=body)

    assert (await post("assign")).json()["assignee"] == ME
    assert [n["text"] for n in (await post("note", text="asked the shop")).json()["notes"]] == ["asked the shop"]
    assert (await post("look")).json()["looking"]["by"] == ME
    for asked, found in (("DEVELOPER", ["t1"]), ("lead", [])):
        rows = (await http.get(f"/api/tasks?assignee={asked}")).json()["tasks"]
        assert [row["task_id"] for row in rows] == found
        assert all("notes" not in row for row in rows)
    assert (await post("assign", take=False)).json()["assignee"] == ""
    for action, body, field in (
        ("note", {"text": ""}, "/text"),
        ("note", {"text": "x" * 1001}, "/text"),
        ("assign", {"to": "lead@example.com"}, "/to"),
        ("look", {"until": "2999-01-01T00:00:00Z"}, "/until"),
    ):
        refused = await post(action, **body)
        assert (code(refused), refused.json()["error"]["field"]) == ("invalid_body", field)
    assert (await http.get("/api/tasks/t1/note")).status_code == 405
    assert (await http.post("/api/tasks/nobody/assign", json={})).status_code == 404
