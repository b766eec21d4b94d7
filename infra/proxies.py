"""The proxy that an environment names, and what is on this machine, which no proxy reaches."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

HERE = ("127.0.0.1", "localhost")


def is_here(url: str) -> bool:
    """Return whether `url` is on this machine."""
    try:
        return urlsplit(url).hostname in HERE
    except ValueError:
        return False


def leave_out_this_machine() -> None:
    """Let what has no setting of its own, gRPC and the model's SDKs, here and in children reach this machine directly.

    Where a proxy is set, many set no `no_proxy`, or one that lacks the address.
    """
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    left_out = [host for host in (name.strip() for name in named.split(",")) if host]
    if "*" not in left_out:
        os.environ["no_proxy"] = ",".join([*left_out, *(host for host in HERE if host not in left_out)])
