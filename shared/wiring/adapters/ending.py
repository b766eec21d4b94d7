"""Calls through `requests` that can be ended while a thread waits for them.

Its timeout is one for each read: a reply that comes byte by byte would hold its thread for as long as it likes. So
whoever gives a call up shuts its socket down, and the thread that reads from it finds an end.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

T = TypeVar("T")
_lock = threading.Lock()  # around whose a connection is: it goes from call to call
_of_this_thread = threading.local()


class Call:
    """One call, from its beginning to its end or to `end`."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._socket: socket.socket | None = None
        self._is_ended = False

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` does; requests that it sends through `EndingAdapter` are this call's."""
        _of_this_thread.call = self
        try:
            return work()
        finally:
            _of_this_thread.call = None
            with _lock:
                self._socket = None

    def end(self) -> None:
        """Stop waiting for the reply, from any thread; nothing where there is none to wait for."""
        with _lock:
            self._is_ended = True
            if self._socket and self._connection.call is self:
                with contextlib.suppress(OSError):  # the other side was faster
                    self._socket.shutdown(socket.SHUT_RDWR)

    def waits_on(self, connection: Any) -> None:
        """Take a connection over whose reply is now read.

        Raises:
            TimeoutError: the call was ended before.
        """
        with _lock:
            if self._is_ended:
                raise TimeoutError
            connection.call = self
            # By itself: where the connection ends with the reply, http.client takes it away before the body is read.
            self._connection, self._socket = connection, connection.sock


def _tell(connection: Any) -> None:
    if call := getattr(_of_this_thread, "call", None):
        call.waits_on(connection)


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        _tell(self)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _tell(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class EndingAdapter(HTTPAdapter):
    """Mounted in a session, it lets a `Call` end the requests that it sends, through a proxy too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
