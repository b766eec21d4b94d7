"""`FirestoreStore` keeps the store's promises on Google's emulator, and says the truth about errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial

import pytest

from infra.emulators.approvals import ApprovalWatcher
from shared.errors import CommitUnknown, Conflict, Misconfigured, Retry, StoreUnavailable, SwitchyardError
from shared.event.tally import Kind
from shared.records.ignored import add, last_days, told
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.adapters.shared_calls import CALLS
from shared.wiring.ports import ABSENT, Write
from tests.contract.document_events_contract import APPROVAL, DocumentEventsContract, NextEvent
from tests.contract.shared_store_contract import SharedStoreContract, StoreClockContract
from tests.contract.store_contract import StoreContract
from tests.emulators.broken_server import BrokenServer
from tests.store import BEGINNING

gather = partial(asyncio.gather, return_exceptions=True)


@pytest.fixture
async def store(project: str) -> AsyncIterator[FirestoreStore]:
    store = FirestoreStore(project)
    yield store
    await store.close()


@pytest.fixture
async def next_event(project: str, store: FirestoreStore) -> AsyncIterator[NextEvent]:
    events: asyncio.Queue[tuple[Mapping[str, str], bytes]] = asyncio.Queue()

    async def watch() -> None:
        async with aclosing(ApprovalWatcher(project).events()) as changes:
            async for event in changes:
                events.put_nowait(event)

    async def next_event(wait_s: float) -> tuple[Mapping[str, str], bytes] | None:
        try:
            async with asyncio.timeout(wait_s):
                return await events.get()
        except TimeoutError:
            return None

    watching = asyncio.create_task(watch())
    # The listener is up once it has told of an approval that was there before it.
    await store.commit(Write("approvals/first", APPROVAL, ABSENT))
    assert await next_event(15) is not None
    yield next_event
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


class TestFirestoreStore(StoreContract, SharedStoreContract, StoreClockContract):
    @pytest.fixture
    async def other(self, project: str) -> AsyncIterator[FirestoreStore]:
        other = FirestoreStore(project)
        yield other
        await other.close()


class TestDocumentEvents(DocumentEventsContract):
    async def test_decided_approval_is_left_alone(self, store: FirestoreStore, next_event: NextEvent) -> None:
        await store.commit(Write("approvals/t1", APPROVAL | {"outcome": "approved"}, ABSENT))
        assert await next_event(1) is None

    async def test_reopened_approval_is_told_again(self, store: FirestoreStore, next_event: NextEvent) -> None:
        for outcome in (None, "error", None):
            await store.commit(Write("approvals/t1", APPROVAL | {"outcome": outcome}, None))
        for _ in range(2):
            assert await next_event(10) is not None

    async def test_open_approvals_are_told_at_the_start(self, store: FirestoreStore, project: str) -> None:
        await store.commit(Write("approvals/t1", APPROVAL, ABSENT), Write("approvals/t2", APPROVAL, ABSENT))
        async with asyncio.timeout(15), aclosing(ApprovalWatcher(project).events()) as events:
            told = {(await anext(events))[0]["ce-document"] for _ in range(2)}
        assert told == {"approvals/t1", "approvals/t2"}


class TestDocumentsThatFirestoreRefuses:
    async def test_list_in_a_list_is_refused_and_not_retried(self, store: FirestoreStore) -> None:
        with pytest.raises(SwitchyardError) as caught:
            await store.commit(Write("refused/a", {"value": [[1]]}, None))
        assert caught.value.code == "invalid_document"
        assert not isinstance(caught.value, Retry)

    @pytest.mark.parametrize("value", [2**63, object(), {"deep": ["\ud800"]}], ids=["65 bits", "object", "surrogate"])
    async def test_refusal_names_the_field_and_not_the_value(self, store: FirestoreStore, value: object) -> None:
        with pytest.raises(SwitchyardError) as caught:
            await store.commit(Write("refused/a", {"parameters": value}, None))
        assert caught.value.code == "invalid_document"
        assert "ud800" not in caught.value.message


class TestCommitsOfTheSameMoment:
    """They travel together, and share nothing else."""

    async def test_one_that_lost_its_race_takes_no_other_with_it(self, store: FirestoreStore) -> None:
        await store.commit(Write("tasks/t7", {"by": "somebody else"}, ABSENT))
        ended = await gather(*(store.commit(Write(f"tasks/t{n}", {"n": n}, ABSENT)) for n in range(40)))
        assert [n for n, each in enumerate(ended) if isinstance(each, Conflict)] == [7]
        versions = {f"tasks/t{n}": each[0] for n, each in enumerate(ended) if isinstance(each, list)}
        assert {s.path: s.version for s in await store.read(*versions)} == versions

    async def test_one_that_is_refused_takes_no_other_with_it(self, store: FirestoreStore) -> None:
        texts = ["x" * (1_100_000 if n == 7 else n) for n in range(20)]
        ended = await gather(*(store.commit(Write(f"tasks/t{n}", {"text": t}, ABSENT)) for n, t in enumerate(texts)))
        [refused] = [each for each in ended if isinstance(each, SwitchyardError)]
        assert (refused.code, isinstance(refused, Retry)) == ("invalid_document", False)
        found = await store.read(*(f"tasks/t{n}" for n in range(20)))
        assert [n for n, each in enumerate(found) if each.data is None] == [7]

    async def test_of_many_about_one_document_one_wins(self, store: FirestoreStore) -> None:
        ended = await gather(*(store.commit(Write("tasks/t1", {"n": n}, ABSENT)) for n in range(20)))
        [winner] = [n for n, each in enumerate(ended) if not isinstance(each, Conflict)]
        [found] = await store.read("tasks/t1")
        assert found.data == {"n": winner}

    async def test_each_reader_gets_its_own_documents(self, store: FirestoreStore) -> None:
        await store.commit(*(Write(f"tasks/t{n}", {"n": n}, ABSENT) for n in range(20)))
        found = await gather(*(store.read(f"tasks/t{n}", "tasks/none", f"tasks/t{19 - n}") for n in range(20)))
        assert [[s.data and s.data["n"] for s in each] for each in found] == [[n, None, 19 - n] for n in range(20)]


class TestErrors:
    """A server that answers every call with one status, or not at all."""

    @pytest.fixture
    async def broken(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BrokenServer]:
        async with BrokenServer() as server:
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host)
            yield server

    @pytest.fixture
    async def store(self, broken: BrokenServer) -> AsyncIterator[FirestoreStore]:
        store = FirestoreStore("broken")
        yield store
        await store.close()

    @pytest.mark.parametrize(
        ("status", "read", "commit"),
        [
            ("UNAVAILABLE", StoreUnavailable, CommitUnknown),
            ("DEADLINE_EXCEEDED", StoreUnavailable, CommitUnknown),
            ("INTERNAL", StoreUnavailable, CommitUnknown),
            ("CANCELLED", StoreUnavailable, CommitUnknown),
            ("UNKNOWN", StoreUnavailable, CommitUnknown),
            ("RESOURCE_EXHAUSTED", StoreUnavailable, StoreUnavailable),
            ("PERMISSION_DENIED", Misconfigured, Misconfigured),
            ("UNAUTHENTICATED", Misconfigured, Misconfigured),
        ],
    )
    async def test_status_means(
        self,
        broken: BrokenServer,
        store: FirestoreStore,
        status: str,
        read: type[SwitchyardError],
        commit: type[SwitchyardError],
    ) -> None:
        broken.status = status
        with pytest.raises(read) as caught:
            await store.read("tasks/a")
        assert type(caught.value) is read
        with pytest.raises(commit) as caught:
            await store.commit(Write("tasks/a", {}, ABSENT))
        assert type(caught.value) is commit
        with pytest.raises(read):
            await store.query("tasks")

    @pytest.mark.parametrize("status", ["ABORTED", "FAILED_PRECONDITION", "NOT_FOUND", "RESOURCE_EXHAUSTED"])
    async def test_status_that_is_definite_for_one_commit_is_none_for_several(
        self, broken: BrokenServer, store: FirestoreStore, status: str
    ) -> None:
        """A call with several writes is not atomic: what it answers as a whole says nothing of any of them."""
        broken.status = status
        ended = await gather(*(store.commit(Write(f"tasks/t{n}", {}, ABSENT)) for n in range(10)))
        assert [type(each) for each in ended[CALLS:]] == [CommitUnknown] * (10 - CALLS)
        assert broken.calls == CALLS + 1

    async def test_failed_commit_is_sent_once(self, broken: BrokenServer, store: FirestoreStore) -> None:
        broken.status = "UNAVAILABLE"
        with pytest.raises(CommitUnknown):
            await store.commit(Write("tasks/a", {}, ABSENT))
        assert broken.calls == 1

    async def test_missing_server_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        store = FirestoreStore("nowhere")
        with pytest.raises(StoreUnavailable):
            await store.read("tasks/a")
        await store.close()


async def test_counts_of_several_instances_add_up_in_one_document(project: str) -> None:
    stores = [FirestoreStore(project) for _ in range(3)]
    counts = told({Kind(f"{BEGINNING:%Y-%m-%d}", "github", "star", "no_words"): 2})
    await asyncio.gather(*(add(store, counts, f"m{n}") for n, store in enumerate([*stores, stores[0]])))
    await add(stores[1], counts, "m0")
    [today, *_] = await last_days(stores[2], BEGINNING)
    assert [c.count for c in today.counts] == [8]
    for store in stores:
        await store.close()
