"""FastAPI and google-generativeai: the sender waits for the answer, and nothing is stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import google.generativeai as genai
import httpx
from fastapi import FastAPI
from prompt import INSTRUCTION, MODEL, SCHEMA, order_in, text_of, told

# Over REST this SDK is synchronous: its calls run in threads.
genai.configure(api_key="bench", transport="rest", client_options={"api_endpoint": os.environ["MODEL_URL"]})
model = genai.GenerativeModel(
    MODEL,
    system_instruction=INSTRUCTION,
    generation_config={"temperature": 0, "response_mime_type": "application/json", "response_schema": SCHEMA},
)
slots = asyncio.Semaphore(int(os.environ["CALLS"]))


@asynccontextmanager
async def clients(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["SHOP_URL"], timeout=20) as app.state.shop:
        yield


web = FastAPI(lifespan=clients)


@web.post("/")
async def route(ticket: dict[str, Any]) -> dict[str, str]:
    async with slots:
        answer = await asyncio.to_thread(model.generate_content, text_of(ticket))
    order_id = order_in(answer.text)
    if order_id is None:
        return {"done": "for people"}
    order = (await web.state.shop.get(f"/orders/{order_id}")).raise_for_status().json()
    return {"done": told(ticket, order)}
