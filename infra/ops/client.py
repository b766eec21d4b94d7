"""The console's JSON API as an object: paths in, JSON or a clear error out. The same code decides as on the page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from infra import running
from infra.errors import SignInError
from infra.ops import sign_in
from infra.proxies import is_here

TIMEOUT_S = 30.0
PAGE = 200


class OpsError(Exception):
    """Raised with a line for the person at the terminal; `status` is the exit status that fits."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(OpsError):
    """Raised if no answer came: whether a request was followed is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 3)


class Missing(OpsError):
    """Raised if there is nothing at a path, or not any more."""


class Console:
    """One console. Ids of tasks and letters go into paths as they are: the console knows none of another form."""

    def __init__(self, url: str, auth: httpx.Auth | None = None) -> None:
        headers = {"x-switchyard-client": "cli"}
        try:
            self._http = httpx.Client(
                base_url=url,
                headers=headers,
                timeout=TIMEOUT_S,
                auth=auth,
                verify=httpx.create_ssl_context(),  # SSL_CERT_FILE holds for what is here as well
                trust_env=not is_here(url),
            )
        except httpx.InvalidURL as error:
            raise OpsError(f"{url} is no address of a console: {error}", 2) from None
        except (ValueError, ImportError):
            why = "the proxy of the environment cannot be used; name one by http://, or the console in no_proxy"
            raise OpsError(why, 2) from None
        self.url = url

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return what is at a path.

        Raises:
            OpsError: the console refuses, or does not answer.
        """
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Do something; `None` in the body is left out.

        Raises:
            OpsError: as for `get`.
        """
        return self._call("POST", path, json={k: v for k, v in body.items() if v is not None})

    def every(self, path: str, key: str, most: int, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield up to `most` items of a list, page by page."""
        token = None
        while most > 0:
            page = self.get(path, limit=min(most, PAGE), page_token=token, **query)
            yield from page[key]
            most -= len(page[key])
            token = page["next_page_token"]
            if token is None:
                return

    def _call(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, f"/api/{path}", **how)
        except SignInError as error:
            raise OpsError(str(error), 3) from None
        except httpx.HTTPError as error:
            raise Unreachable(f"the console at {self.url} does not answer ({type(error).__name__})") from None
        try:
            said = answer.json()
            if answer.is_success:
                return said
            code, message, field = (said["error"][name] for name in ("code", "message", "field"))
        except (ValueError, KeyError, TypeError):
            why = f"{self.url} answered {answer.status_code}, and not as a console does; does it ask to sign in?"
            raise OpsError(why, 3) from None
        refused = answer.status_code in (401, 403) or answer.status_code >= 500
        where = f" ({field})" if field else ""
        if answer.status_code in (404, 410):
            raise Missing(f"{code}: {message}{where}")
        raise OpsError(f"{code}: {message}{where}", 3 if refused else 2 if code == "bad_query" else 1)


def connect(url: str | None) -> Console:
    """Return the console that was named, or the one of the stack that runs here.

    Raises:
        OpsError: there is none, or nobody can sign in.
    """
    url = url or os.environ.get("CONSOLE_URL")
    if url is None:
        try:
            return Console(running.read(Path(os.environ.get("DATA_DIR") or ".switchyard")).console)
        except Exception as error:
            raise OpsError(f"{error}, or name a console with --console or CONSOLE_URL", 3) from None
    try:
        signed_in = sign_in.SignedIn(partial(sign_in.token, url))
    except SignInError as error:
        raise OpsError(str(error), 3) from None
    if signed_in.token and not url.startswith("https://"):
        raise OpsError(f"the sign-in token is sent over https only, and {url} is not", 2)
    return Console(url.rstrip("/"), signed_in)
