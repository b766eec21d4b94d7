"""functions-framework with Google's clients and nothing else: what no cold start on them can be shorter than."""

from __future__ import annotations

import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import PlainTextResponse


@functions_framework.aio.http
async def store(request: Request) -> PlainTextResponse:
    """Read a document."""
    await _read()
    return PlainTextResponse("read")


@functions_framework.aio.http
async def bus(request: Request) -> PlainTextResponse:
    """Load the client that publishes, and call nothing."""
    from google.pubsub_v1 import PublisherAsyncClient

    return PlainTextResponse(PublisherAsyncClient.__name__)


@functions_framework.aio.http
async def model(request: Request) -> PlainTextResponse:
    """Read a document, load the client that publishes, and ask the model one word."""
    from google import genai
    from google.pubsub_v1 import PublisherAsyncClient

    await _read()
    options = genai.types.HttpOptions(base_url=os.environ["GEMINI_API_ENDPOINT"])
    client = genai.Client(api_key="bench", http_options=options)
    answer = await client.aio.models.generate_content(model="gemini-3.5-flash-lite", contents="Hello")
    return PlainTextResponse(f"{PublisherAsyncClient.__name__} {bool(answer.candidates)}")


async def _read() -> None:
    from google.cloud.firestore import AsyncClient

    await AsyncClient(project=os.environ["GOOGLE_CLOUD_PROJECT"]).document("cold/start").get()
