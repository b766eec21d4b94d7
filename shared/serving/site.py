"""What keeps a web page elsewhere from acting here through the browser of somebody who works on this machine.

A local server takes everybody who reaches it for the developer. Binding to 127.0.0.1 keeps other machines out, but not
the pages that the developer's own browser shows: one may post here, or have its own name resolve to this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.errors import Forbidden

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def check_host(headers: Mapping[str, str], what: str) -> None:
    """Raise `Forbidden` where a local server, `what`, is asked for by another name than this machine's own.

    A page whose own name was made to resolve to this machine is of the same site for the browser, not for us.
    """
    host = headers.get("host")
    try:
        name = urlsplit(f"//{host}").hostname if host else LOCAL_HOSTS[0]
    except ValueError:
        name = None
    if name not in LOCAL_HOSTS:
        raise Forbidden(f"the local {what} answers to 127.0.0.1 and localhost only", field="host")


def check_site(headers: Mapping[str, str]) -> None:
    """Raise `Forbidden` where a browser says that the page of another site sends this."""
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin" or (
        origin is not None and urlsplit(origin).netloc != headers.get("host")
    ):
        raise Forbidden("this was sent by another site", code="cross_site")
