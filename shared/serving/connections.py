"""How long a connection stays open on which nothing is asked: longer than whoever opened it would use it again.

Where the server is the one to end it, a request may be on its way already, and fails though nothing is wrong.
"""

from __future__ import annotations

# Beyond the 600 s of Google's front ends, the 90 s of Go, the 60 s of common proxies. It opens no door: a client that
# sends nothing at all was always held for as long as it liked.
IDLE_S = 620


def keep_connections() -> None:
    """Have functions-framework's server, which is yet to start, keep idle connections for `IDLE_S`.

    It runs gunicorn with settings of its own, which neither a command line nor GUNICORN_CMD_ARGS reach: 2 s.
    """
    try:
        from gunicorn.config import Keepalive
    except ImportError:  # another server, as on Windows
        return
    Keepalive.default = IDLE_S
