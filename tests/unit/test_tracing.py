"""What spans say, whom they belong to, and that nothing happens while nobody traces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared import tracing
from shared.errors import Retry, SettingError
from shared.logs import log
from shared.settings import tracing_of
from tests.spans import traced

TRACE, PARENT = "ab" * 16, f"00-{'ab' * 16}-{'cd' * 8}-01"
ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_there_while_nobody_traces() -> None:
    tracing.install(None)
    with tracing.entered("classify", PARENT, kind="consumer") as seen, tracing.span("commit") as inner:
        seen.tell(task_id="t1")
    assert seen is inner is tracing.NOTHING
    assert (tracing.traceparent(), tracing.trace_id()) == ("", "")
    assert tracing.stamped({"traceparent": ""}) == {"traceparent": ""}
    assert not tracing.flush_is_due()


def test_a_function_that_is_not_traced_never_loads_opentelemetrys_sdk() -> None:
    script = """if 1:
        import asyncio, os, sys
        from shared import tracing
        from shared.wiring.adapters.pubsub import build_publisher
        from shared.wiring.composition import ports
        assert not tracing.is_on()
        ports().store, ports().publisher
        asyncio.run(tracing.flush())
        print([m for m in sys.modules if m.startswith("opentelemetry.")])
    """
    env = {"PYTHONPATH": str(ROOT), "BACKEND": "emulators", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n", done.stdout


def test_an_exception_is_told_by_its_code_or_class_never_by_its_words() -> None:
    with traced() as kept:
        with pytest.raises(Retry), tracing.entered("classify", "", kind="consumer"):
            raise Retry("kim@example.com is not there", code="store_down")
        with pytest.raises(KeyError), tracing.entered("execute", "", kind="consumer"):
            raise KeyError("kim@example.com")
    assert kept.one("classify").attributes == {"error.type": "store_down"}
    assert kept.one("execute").attributes == {"error.type": "KeyError"}
    assert {span.status.status_code.name for span in kept.get_finished_spans()} == {"ERROR"}
    assert "kim" not in kept.text()


def test_only_listed_fields_that_are_words_or_numbers_are_told() -> None:
    told = tracing.allowed(
        {"task_id": "t1", "attempt": 2, "payload": "sesame", "intent": "two words", "outcome": None, "topic": "a\nb"}
    )
    assert told == {"switchyard.task.id": "t1", "messaging.gcp_pubsub.message.delivery_attempt": 2}


def test_what_comes_from_outside_is_part_of_its_sender_and_of_nothing_around_it() -> None:
    with traced() as kept, tracing.entered("relay", "", kind="internal"):
        with tracing.entered("classify", PARENT, kind="consumer"):
            assert tracing.trace_id() == TRACE
            with tracing.span("commit"):
                pass
        with tracing.entered("sweep", "nonsense", kind="internal"):
            assert tracing.trace_id() not in ("", TRACE)
    assert kept.tree() == {("", "relay"), ("", "classify"), ("classify", "commit"), ("", "sweep")}
    parent = kept.one("classify").parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == "cd" * 8
    assert kept.one("sweep").parent is None


def test_nothing_is_recorded_of_work_that_belongs_to_no_span() -> None:
    with traced() as kept, tracing.span("commit"):
        pass
    assert kept.get_finished_spans() == ()


@pytest.mark.parametrize(("ratio", "flags", "kept_spans"), [(0.0, "00", 0), (0.0, "01", 2), (1.0, "00", 2)])
def test_a_caller_that_keeps_its_trace_is_followed_and_all_others_are_drawn(
    ratio: float, flags: str, kept_spans: int
) -> None:
    sent = PARENT[:-2] + flags
    with traced(ratio) as kept, tracing.entered("intake", sent, kind="server"), tracing.span("publish"):
        carried = tracing.traceparent()
    assert len(kept.get_finished_spans()) == kept_spans
    assert carried.startswith(f"00-{TRACE}-")
    assert carried.endswith("01" if kept_spans else "00")


def test_a_document_goes_on_from_the_span_that_wrote_it_last() -> None:
    with traced() as kept:
        with tracing.entered("classify", PARENT, kind="consumer"):
            paused = tracing.stamped({"traceparent": ""})
            again = tracing.stamped(dict(paused))
        with tracing.entered("console", "", kind="server"):
            for _ in range(2):  # tried again after a conflict
                tracing.stamped(dict(paused))
    assert again == paused
    assert kept.one("classify").links == ()
    (link,) = kept.one("console").links
    assert paused["traceparent"] == f"00-{link.context.trace_id:032x}-{link.context.span_id:016x}-01"


@pytest.mark.parametrize(
    ("headers", "parent"),
    [
        ({"traceparent": PARENT}, PARENT),
        ({"x-cloud-trace-context": f"{TRACE}/255;o=1"}, f"00-{TRACE}-00000000000000ff-01"),
        ({"x-cloud-trace-context": f"{TRACE}/255"}, f"00-{TRACE}-00000000000000ff-00"),
        ({"x-cloud-trace-context": f"{TRACE}/x;o=1"}, ""),
        ({"x-cloud-trace-context": f"{TRACE}/{'9' * 5000};o=1"}, ""),
        ({"x-cloud-trace-context": "short/1;o=1"}, ""),
        ({"x-cloud-trace-context": f"{'z' * 32}/1;o=1"}, ""),
        ({"x-cloud-trace-context": f"{TRACE}/0;o=1"}, ""),
        ({"traceparent": "nonsense", "x-cloud-trace-context": f"{TRACE}/255"}, f"00-{TRACE}-00000000000000ff-00"),
        ({}, ""),
    ],
)
def test_a_request_names_its_callers_span_in_w3cs_header_or_in_googles(headers: dict[str, str], parent: str) -> None:
    assert tracing.parent_of(headers) == parent


@pytest.mark.parametrize(
    "given",
    [
        PARENT,
        PARENT[:-2] + "ff",
        "01" + PARENT[2:],
        f"cc{PARENT[2:]}-what-the-future-brings",
        f"{PARENT}-01",
        f"{PARENT}{'x' * 7000}",
        "ff" + PARENT[2:],
        PARENT.upper(),
        PARENT.replace("cd" * 8, "0" * 16),
        PARENT.replace(TRACE, "0" * 32),
        PARENT.replace(TRACE, "zy" * 16),
        PARENT.replace("-", "_"),
        "",
    ],
)
def test_the_trace_that_is_told_is_the_one_that_spans_are_in(given: str) -> None:
    with traced() as kept, tracing.entered("intake", given, kind="server"):
        told = tracing.trace_id_of(given)
    parent = kept.one("intake").parent
    assert told == (f"{parent.trace_id:032x}" if parent else "")


@pytest.mark.parametrize(("flags", "kept"), [("01", True), ("00", False)])
def test_a_log_line_names_the_span_it_is_written_in_whatever_trace_its_task_began_in(
    flags: str, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with traced(ratio=0.0), tracing.entered("execute", PARENT[:-2] + flags, kind="consumer"):
        here = tracing.traceparent().split("-")
        log("INFO", "done", trace_id="ef" * 16)
    log("INFO", "done", trace_id="ef" * 16)
    inside, after = map(json.loads, capsys.readouterr().out.splitlines())
    assert (inside["trace_id"], inside["logging.googleapis.com/trace"].rpartition("/")[2]) == ("ef" * 16, TRACE)
    assert (inside["logging.googleapis.com/spanId"], inside["logging.googleapis.com/trace_sampled"]) == (here[2], kept)
    assert after["logging.googleapis.com/trace"].endswith("ef" * 16)
    assert "logging.googleapis.com/spanId" not in after


@pytest.mark.parametrize(("name", "value"), [("TRACING", "on"), ("TRACING_RATIO", "1.1")])
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        tracing_of({name: value})


def test_attributes_have_names_of_their_own() -> None:
    assert len(set(tracing.ATTRIBUTES.values())) == len(tracing.ATTRIBUTES)
    assert json.dumps(dict(tracing.ATTRIBUTES)).isascii()
