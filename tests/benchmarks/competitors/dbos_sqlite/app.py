"""DBOS Transact on SQLite: the workflow and each of its steps are stored, and go on after a crash."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from dbos import DBOS, SetWorkflowID
from fastapi import FastAPI
from prompt import MODEL, order_in, text_of, told
from routing import CALLS, CONFIG, gemini

database = os.path.join(os.environ["FOLDER"], "dbos.db")
DBOS(config={"name": "tickets", "system_database_url": f"sqlite:///{database}", "run_admin_server": False})
model = gemini().aio
slots = asyncio.Semaphore(CALLS)
clients: dict[str, httpx.AsyncClient] = {}


@DBOS.step()
async def ask(ticket: dict[str, Any]) -> str | None:
    async with slots:
        answer = await model.models.generate_content(model=MODEL, contents=text_of(ticket), config=CONFIG)
    return order_in(answer.text)


@DBOS.step()
async def act(ticket: dict[str, Any], order_id: str) -> str:
    order = (await clients["shop"].get(f"/orders/{order_id}")).raise_for_status().json()
    return told(ticket, order)


@DBOS.workflow()
async def route(ticket: dict[str, Any]) -> str:
    order_id = await ask(ticket)
    return await act(ticket, order_id) if order_id else "for people"


@asynccontextmanager
async def launched(_: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["SHOP_URL"], timeout=20) as clients["shop"]:
        DBOS.launch()
        yield
        DBOS.destroy()


web = FastAPI(lifespan=launched)


@web.post("/", status_code=202)
async def accept(ticket: dict[str, Any]) -> dict[str, str]:
    with SetWorkflowID(ticket["task_id"]):
        await DBOS.start_workflow_async(route, ticket)
    return {"task_id": ticket["task_id"]}
