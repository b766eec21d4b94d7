"""FastAPI and google-genai: the sender waits for the answer, and nothing is stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from prompt import MODEL, order_in, text_of, told
from routing import CALLS, CONFIG, gemini

model = gemini().aio
slots = asyncio.Semaphore(CALLS)


@asynccontextmanager
async def clients(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["SHOP_URL"], timeout=20) as app.state.shop:
        yield


web = FastAPI(lifespan=clients)


@web.post("/")
async def route(ticket: dict[str, Any]) -> dict[str, str]:
    async with slots:
        answer = await model.models.generate_content(model=MODEL, contents=text_of(ticket), config=CONFIG)
    order_id = order_in(answer.text)
    if order_id is None:
        return {"done": "for people"}
    order = (await web.state.shop.get(f"/orders/{order_id}")).raise_for_status().json()
    return {"done": told(ticket, order)}
