"""Question -> Answer through `google-genai`: the Gemini API with a key, or Vertex AI with IAM."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

from shared.errors import ModelUnavailable
from shared.model.question import Answer, Question
from shared.model.reply import failure, read_reply
from shared.model.request import request_body


class GenaiClassifier:
    """One long-lived async client per process; temporary clients die with their first garbage collection."""

    def __init__(
        self, api_key: str, model: str, endpoint: str = "", vertex_project: str = "", vertex_location: str = ""
    ) -> None:
        """Build the client; nothing is sent. With `vertex_project` the key is not used, IAM is."""
        from google import genai
        from google.genai import errors, types

        self.model = model
        self._thinking = _thinking(model)
        self._types, self._api_error = types, errors.APIError
        http = types.HttpOptions(
            base_url=endpoint or None,
            # Named, for the SDK's default moves; system instruction, schema and thinking level are all in these.
            api_version="v1beta1" if vertex_project else "v1beta",
            # One attempt, said aloud: without it connection errors are silently tried a second time.
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        if vertex_project:
            self._client = genai.Client(
                vertexai=True, project=vertex_project, location=vertex_location or "global", http_options=http
            )
        else:
            self._client = genai.Client(vertexai=False, api_key=api_key, http_options=http)

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Make one call, see `Classifier.ask`."""
        config = self._config(question, timeout_s)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._client.aio.models.generate_content(
                    model=self.model, contents=question.content, config=config
                )
            raw: Any = response.sdk_http_response
            body = json.loads(raw.body)
        except self._api_error as error:
            raise failure(error.code, _details(error.details), getattr(error.response, "headers", None)) from None
        except TimeoutError:
            raise ModelUnavailable(f"the model did not answer within {timeout_s:g} s", is_timeout=True) from None
        except Exception as error:
            # Connection errors of whichever HTTP client the SDK chose, a body that is not JSON, a failed IAM token.
            raise ModelUnavailable(f"the model call failed: {type(error).__name__}") from None
        return read_reply(body, self.model, (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aio.aclose()
        self._client.close()

    def _config(self, question: Question, timeout_s: float) -> Any:
        types = self._types
        return {  # the SDK copies the whole of a GenerateContentConfig, and makes one of a dict
            # One question is one call: the SDK shall call no function, for which it would copy all of this every time,
            # and shall not ask on by itself where an answer is cut.
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
            "automatic_continuation": False,
            "should_return_http_response": True,  # as it came: see read_reply
            "http_options": types.HttpOptions(
                # The SDK counts in milliseconds and waits for ever by default.
                timeout=max(1, int(timeout_s * 1000)),
                extra_body=request_body(question, self._thinking),
            ),
        }


def _thinking(model: str) -> dict[str, Any] | None:
    """Choosing from a list needs no thoughts. Models that cannot do without keep their own default."""
    if re.match(r"gemini-2\.5-flash", model):
        return {"thinkingBudget": 0}
    if re.match(r"gemini-[3-9][\d.]*-flash", model):
        return {"thinkingLevel": "MINIMAL"}
    return None


def _details(body: Any) -> list[Any]:
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return details if isinstance(details, list) else []
