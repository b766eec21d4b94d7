"""Every minute: what is new for people goes to chat, as one message per channel; whoever asked in Slack is answered.

Sent first, then remembered: a crash in between repeats a message and loses none. What could not be sent stays new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from functions.notify import messages, news
from functions.notify.answers import answer
from functions.notify.cards import show
from functions.notify.memory import REMIND_EVERY, Digest, Memory, digest, reminder, told
from functions.notify.news import Found, Threshold
from functions.notify.posting import is_refused, post
from shared.errors import Conflict, Retry
from shared.intent.outcomes import HandlerOutcome, NotApplied
from shared.logs import log
from shared.records.cards import with_cards
from shared.serving.entry import Outcome
from shared.settings import Webhook, page_url
from shared.wiring.composition import Ports
from shared.wiring.ports import Snapshot, Store, Write

FORMATS = {"slack": messages.slack, "google_chat": messages.google_chat}


@dataclass(frozen=True, slots=True)
class Channel:
    """Where to tell, from when on an approval is about to expire there, and whether it hears of anything else."""

    name: str
    webhook: Webhook
    threshold: Threshold
    everything: bool


async def notify(ports: Ports) -> Outcome:
    """Tell each channel what is new, and whoever waits what became of their task; `body` says how each channel went.

    Raises:
        StoreUnavailable: the next run tells it.
    """
    channels = _channels(ports)
    tells = (_tell(ports, channel) for channel in channels)
    # Cards first: what has one is no news for the channels.
    [shown] = await asyncio.gather(show(ports), return_exceptions=True)
    answered, *ends = await asyncio.gather(answer(ports), *tells, return_exceptions=True)
    for end in (answered, shown, *ends):  # only now: what breaks one channel does not stop the other
        if isinstance(end, BaseException):
            raise end
    body = {channel.name: end for channel, end in zip(channels, ends, strict=True)}
    if shown:
        body["cards"] = str(shown)
    told = bool(channels or shown is not None)
    fields = {"count": answered} if answered else {}
    return Outcome("notified", body=body, fields=fields) if told else Outcome("no_webhook", 200, body, fields, "DEBUG")


def _channels(ports: Ports) -> list[Channel]:
    settings = ports.settings
    main, escalation = settings.notify_webhook, settings.escalation_webhook
    channels = []
    if main is not None:
        channels.append(Channel("main", main, Threshold(1 / 4, timedelta(hours=4)), everything=True))
    if escalation is not None:
        channels.append(Channel("escalation", escalation, Threshold(1 / 16, timedelta(hours=1)), everything=False))
    return channels


async def _tell(ports: Ports, channel: Channel) -> str:
    """Tell one channel what is new there; return a word for how it went."""
    snapshot = await _begun(ports, f"notifications/{channel.name}")
    now, memory = snapshot.read_time, Memory.model_validate(snapshot.data).as_of(snapshot.read_time)
    if memory.not_before is not None and now < memory.not_before:
        return "waits"
    found = await _look(ports.store, channel, memory.since, now)
    digests = [d for f in found if (d := digest(memory, f, now)).items]
    reminders = await _remind(ports.store, memory, now) if channel.everything and memory.reminds(now) else []
    told_of = [*await _without_cards(ports, digests), *reminders]
    try:
        if told_of:
            await _send(ports, channel.webhook, told_of, now)
    except HandlerOutcome as error:
        return await _unsent(ports, channel, snapshot, memory, error)
    await _remember(ports, snapshot, told(memory, digests, now, reminded=bool(reminders)))
    count = sum(len(d.items) for d in told_of)
    if count:
        log("INFO", "told", function="notify", outcome="told", operation=channel.name, count=count)
    return "told" if count else "nothing_new"


async def _look(store: Store, channel: Channel, since: datetime, now: datetime) -> Sequence[Found]:
    """Return what there is, the most urgent kind first."""
    looks = [news.expiring(store, channel.threshold, now)]
    if channel.everything:
        looks += [
            news.breakers(store, since),
            news.ended(store, "UNKNOWN", since),
            news.ended(store, "FAILED", since),
            news.taken_back(store, since),
            news.dead_letters(store, since),
            news.paused(store, since),
        ]
    return await asyncio.gather(*looks)


async def _without_cards(ports: Ports, digests: Sequence[Digest]) -> list[Digest]:
    """Return the digests without tasks that wait and whose card is in a chat: whoever decides has seen them there."""
    ids = [item.task_id for d in digests if d.kind == "paused" for item in d.items]
    have = await with_cards(ports.store, ports.settings.chats.names, ids)
    left = [replace(d, items=[i for i in d.items if d.kind != "paused" or i.task_id not in have]) for d in digests]
    return [d for d in left if d.items]


async def _remind(store: Store, memory: Memory, now: datetime) -> list[Digest]:
    """Return what has wanted somebody for a day or longer: it is never deleted, so it must not be forgotten."""
    until = min(now - REMIND_EVERY, memory.since)  # what came since then is told as news
    found = await asyncio.gather(news.still_unknown(store, until), news.still_open(store, until))
    return [d for f in found if (d := reminder(f)).items]


async def _send(ports: Ports, webhook: Webhook, digests: Sequence[Digest], now: datetime) -> None:
    await post(ports, webhook.url, FORMATS[webhook.format](digests, page_url(ports.settings), now))


async def _unsent(ports: Ports, channel: Channel, snapshot: Snapshot, memory: Memory, error: HandlerOutcome) -> str:
    """Say so; everything stays new. A server that names a time is not asked before."""
    refused = is_refused(error)
    outcome = "webhook_refused" if refused else "not_told"
    log(
        "ERROR" if refused else "WARNING",
        "a channel could not be told",
        function="notify",
        outcome=outcome,
        operation=channel.name,
        error_code=error.code,
    )
    if isinstance(error, NotApplied) and error.retry_after_s:
        not_before = snapshot.read_time + timedelta(seconds=error.retry_after_s)
        await _remember(ports, snapshot, memory.model_copy(update={"not_before": not_before}))
    return outcome


async def _begun(ports: Ports, path: str) -> Snapshot:
    """Return the channel's document. The first run makes it before it sends: from then on nothing can be lost."""
    (snapshot,) = await ports.store.read(path)
    try:
        Memory.model_validate(snapshot.data)
        return snapshot
    except ValidationError:  # there is none, or somebody broke it
        if snapshot.data is not None:
            log("WARNING", "notifications begin anew", function="notify", outcome="forgotten", operation=snapshot.id)
        data = Memory(last_run=snapshot.read_time).model_dump()
        (version,) = await ports.store.commit(Write(path, data, snapshot.version))
        return snapshot._replace(data=data, version=version)


async def _remember(ports: Ports, snapshot: Snapshot, memory: Memory) -> None:
    try:
        await ports.store.commit(Write(snapshot.path, memory.model_dump(), snapshot.version))
    except (Conflict, Retry) as error:  # Conflict: another run told the same at the same time
        log(
            "WARNING",
            "what was told is forgotten and told again",
            function="notify",
            outcome="forgotten",
            operation=snapshot.id,
            error_code=error.code,
        )
