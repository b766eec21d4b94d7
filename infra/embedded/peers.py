"""The other processes of a stack: their numbers, their shares, and the word that something was written for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from infra.resources import Function, Manifest
from shared.settings import Settings

MOST_BYTES = 65_536  # of a word


@dataclass(frozen=True, slots=True)
class Place:
    """Which process of how many this is, counted from 0, and what falls to it of what they may do together."""

    number: int = 0
    of: int = 1

    def share(self, whole: int) -> int:
        """Return this process's part; all parts together are the whole."""
        return (whole + self.of - 1 - self.number) // self.of

    def settings(self, settings: Settings) -> Settings:
        """Return the settings with this process's part of what the model may be asked, at once and in a minute."""
        limits = replace(
            settings.limits,
            requests_a_minute=self._bound(settings.limits.requests_a_minute),
            tokens_a_minute=self._bound(settings.limits.tokens_a_minute),
        )
        return replace(settings, max_concurrent_calls=self._bound(settings.max_concurrent_calls), limits=limits)

    def _bound(self, whole: int) -> int:
        """Return this process's part of a bound; of none nothing, which is no bound."""
        return max(1, self.share(whole)) if whole else 0

    def manifest(self, manifest: Manifest) -> Manifest:
        """Return the manifest with this process's part of what each function may do at once."""
        return replace(manifest, functions=tuple(map(self._part, manifest.functions)))

    def _part(self, function: Function) -> Function:
        """A process stands for all instances: an intent's own bound holds, not how much of it one instance takes.

        Otherwise decided tasks would wait so long for their execution that the sweep sends for each of them again.
        """
        most = self.share(function.max_concurrency)
        requests = max(most, function.max_requests) if "INTENT" in function.environment else function.max_requests
        return replace(function, max_concurrency=most, max_requests=requests)


class Line:
    """A socket to another process: whom to wake there goes out, whom to wake here comes in."""

    def __init__(self, end: socket.socket, heard: Callable[[Collection[str]], None]) -> None:
        end.setblocking(False)
        self._end, self._heard = end, heard
        asyncio.get_running_loop().add_reader(end, self._read)

    def say(self, channels: Collection[str]) -> None:
        """Tell the other process. What does not get through it finds when it next looks whether the file changed."""
        with suppress(OSError):
            self._end.send("\n".join(channels).encode())

    def close(self) -> None:
        """Hang up."""
        asyncio.get_running_loop().remove_reader(self._end)
        self._end.close()

    def _read(self) -> None:
        with suppress(OSError):
            self._heard(self._end.recv(MOST_BYTES).decode().split("\n"))
