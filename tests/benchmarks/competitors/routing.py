"""The same call of the model and of the shop for every competitor, so that they differ in their product alone."""

from __future__ import annotations

import os
from typing import Any

import httpx
from google import genai
from google.genai import types
from prompt import INSTRUCTION, MODEL, SCHEMA, order_in, text_of, told

CALLS = int(os.environ.get("CALLS", "10"))  # model calls in flight that the whole system may have
CONFIG = types.GenerateContentConfig(
    system_instruction=INSTRUCTION, temperature=0, response_mime_type="application/json", response_schema=SCHEMA
)


def gemini() -> genai.Client:
    """Return a client of the model server that this run was given."""
    return genai.Client(api_key="bench", http_options=types.HttpOptions(base_url=os.environ["MODEL_URL"]))


def shop() -> httpx.Client:
    """Return a client of the shop."""
    return httpx.Client(base_url=os.environ["SHOP_URL"], timeout=20)


def ask(client: genai.Client, ticket: dict[str, Any]) -> str | None:
    """Ask the model once, and return the order to look up."""
    return order_in(client.models.generate_content(model=MODEL, contents=text_of(ticket), config=CONFIG).text)


def act(client: httpx.Client, ticket: dict[str, Any], order_id: str) -> str:
    """Look the order up in the shop."""
    return told(ticket, client.get(f"/orders/{order_id}").raise_for_status().json())
