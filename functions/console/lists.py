"""The list that somebody works through in; its rows, the way to each of them and to the next one, out.

A list is its own address, `/` or `/tasks?state=FAILED`: a task's page is told it as `list`, so that the next task is
the next one of that list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from functions.console import finding, search
from functions.console.finding import Found
from functions.console.search import Order, Search
from shared.errors import BadRequest
from shared.records.documents import task_path
from shared.task.moves import Person
from shared.wiring.composition import Ports
from shared.wiring.ports import Row

WAITING, ALL = "/", "/tasks"
NAMES = {WAITING: tuple(n for n in search.NAMES if n != "state"), ALL: search.NAMES}
PARAMETER = "list"  # of a task's page, and in each of its forms: the list it was opened from


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of tasks as its address says it."""

    path: str
    query: Mapping[str, str]
    wanted: Search
    order: Order

    @classmethod
    def parse(cls, path: str, query: Mapping[str, str], me: str = "") -> Listing:
        """Return the list that a page's address says to `me`; what is left empty in its form is not asked for.

        Raises:
            BadRequest: `bad_query`.
        """
        asked = {n: v.strip() for n, v in query.items() if n in (*NAMES[path], "order") and v.strip()}
        wanted = search.parse(asked, me)
        if path == WAITING:
            wanted = replace(wanted, state="AWAITING_APPROVAL")
        default: Order = "urgent" if wanted.state == "AWAITING_APPROVAL" else "newest"
        return cls(path, asked, wanted, search.order_of(asked, *search.orders(wanted), default=default))

    @classmethod
    def refused(cls, path: str, query: Mapping[str, str]) -> Listing:
        """Return a list of nothing, with what somebody asked for and cannot: its form shows it as it was typed."""
        asked = {n: v.strip() for n, v in query.items() if n in (*NAMES[path], "order") and v.strip()}
        wanted = Search(state="AWAITING_APPROVAL" if path == WAITING else None)
        return cls(path, asked, wanted, "newest")

    @classmethod
    def named(cls, text: str, me: str) -> Listing:
        """Return the list of an address of ours; of any other what waits."""
        try:
            parts = urlsplit(text)
            known = text.startswith("/") and not parts.netloc and parts.path in NAMES
            return cls.parse(parts.path, dict(parse_qsl(parts.query)), me) if known else EVERYTHING_THAT_WAITS
        except (ValueError, BadRequest):
            return EVERYTHING_THAT_WAITS

    @property
    def href(self) -> str:
        """Its address."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    def without(self, name: str) -> str:
        """Return the address of the same list where `name` is not asked for."""
        rest = {n: v for n, v in self.query.items() if n != name}
        return self.path + (f"?{urlencode(rest)}" if rest else "")

    def task(self, task_id: str) -> str:
        """Return the address of a task of this list."""
        return f"/tasks/{task_id}" + self._told("?")

    def next(self, task_id: str, *, done: bool = False) -> str:
        """Return the address that leads to the task after this one; `done`: somebody has just seen to it."""
        return f"/next?after={task_id}" + ("&done=yes" if done else "") + self._told("&")

    def _told(self, joint: str) -> str:
        return f"{joint}{urlencode({PARAMETER: self.href})}" if self.href != WAITING else ""


EVERYTHING_THAT_WAITS = Listing.parse(WAITING, {})


async def page_of(ports: Ports, listing: Listing, *, limit: int, after: Row | None) -> Found:
    """Return one page of a list."""
    return await finding.find(
        ports.store, ports.registry, listing.wanted, limit=limit, after=after, order=listing.order
    )


async def next_in(ports: Ports, listing: Listing, task_id: str, *, around: bool) -> str | None:
    """Return the id of the task that comes after this one, whatever became of this one; None where there is none.

    `around`: after the last one comes the first one again, that somebody may have skipped.
    """
    here = await ports.store.read_rows(("created_at", "priority", "amount", "state"), task_path(task_id))
    after = here[0] if here and "state" in here[0].data else None
    found = await page_of(ports, listing, limit=1, after=after)
    if not found.rows and after is not None and around:
        found = await page_of(ports, listing, limit=2, after=None)
    return next((row.id for row in found.rows if row.id != task_id), None)


def listing_of(told: Mapping[str, str], who: Person) -> Listing:
    """Return the list that a task's page was opened from, as its address says, or a form of it."""
    return Listing.named(told.get(PARAMETER, WAITING), who.name)
