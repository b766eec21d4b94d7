"""Question -> Answer through `google-generativeai`, the only file that imports it.

The SDK is frozen: it cannot set a thinking level, and its async REST transport does not work. So the synchronous REST
transport runs in threads of its own: the same transport everywhere, against Google as against a local server. A call
waits on the network and holds no lock, so as many run at once as there are threads.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from shared.errors import ModelUnavailable
from shared.model.question import Answer, Question
from shared.model.reply import failure, read_reply
from shared.model.request import request_body


class GeminiClassifier:
    """One client and one pool of `max_in_flight` threads per process."""

    def __init__(self, api_key: str, model: str, endpoint: str = "", *, max_in_flight: int = 10) -> None:
        """Build the client; nothing is sent."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it announces its own end at every import
            import google.generativeai as sdk
            from google.api_core.exceptions import GoogleAPICallError
            from google.generativeai.client import get_default_generative_client

        from shared.wiring.adapters.ending import Call, EndingAdapter

        self.model = model
        self._protos, self._api_error, self._new_call = sdk.protos, GoogleAPICallError, Call
        sdk.configure(
            api_key=api_key, transport="rest", client_options={"api_endpoint": endpoint} if endpoint else None
        )
        self._client = get_default_generative_client()
        session = self._client.transport._session
        session._max_refresh_attempts = 0  # a key cannot be refreshed: it would call twice more after a 401
        self._heard = threading.local()
        session.hooks["response"].append(self._hear)
        session.mount("http://", EndingAdapter(pool_maxsize=max_in_flight))
        session.mount("https://", EndingAdapter(pool_maxsize=max_in_flight))
        self._threads = ThreadPoolExecutor(max_in_flight, thread_name_prefix="gemini")

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Make one call, see `Classifier.ask`. Whoever gives up on it takes its thread back, too."""
        work = partial(self._said, self._request(question), timeout_s)
        call = self._new_call()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                body = await asyncio.get_running_loop().run_in_executor(self._threads, call.run, work)
        except self._api_error as error:
            raise failure(int(error.code or 503), error.details, getattr(error.response, "headers", None)) from None
        except TimeoutError:
            raise ModelUnavailable(f"the model did not answer within {timeout_s:g} s", is_timeout=True) from None
        except Exception as error:
            # Connection errors of requests and urllib3, a body that is not JSON.
            raise ModelUnavailable(f"the model call failed: {type(error).__name__}") from None
        finally:
            call.end()
        return read_reply(body, self.model, (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """Release connections; calls under way end at their own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.transport.close()

    def _said(self, request: Any, timeout_s: float) -> dict[str, Any]:
        """Return the reply as it came, with names where the SDK has asked for numbers.

        Its schema knows no thoughts: in what it makes of the reply, they would pass for the answer.
        """
        read = self._client.generate_content(request, retry=None, timeout=timeout_s)
        body: dict[str, Any] = json.loads(self._heard.body)
        for said, candidate in zip(body.get("candidates", ()), read.candidates, strict=True):
            said["finishReason"] = _name(candidate.finish_reason)
        if feedback := body.get("promptFeedback"):
            feedback["blockReason"] = _name(read.prompt_feedback.block_reason)
        return body

    def _hear(self, response: Any, **_: Any) -> None:
        self._heard.body = response.content  # in the thread of the call

    def _request(self, question: Question) -> Any:
        body = {
            "model": f"models/{self.model}",
            "contents": [{"role": "user", "parts": [{"text": question.content}]}],
            **request_body(question),
        }
        # The SDK's schema is older than the API's: what it does not know (propertyOrdering) is left out.
        return self._protos.GenerateContentRequest.from_json(json.dumps(body), ignore_unknown_fields=True)


def _name(value: Any) -> str:
    """Return an enum's name; "" for 0, and for a number newer than the SDK the number."""
    return str(getattr(value, "name", value)) if value else ""
