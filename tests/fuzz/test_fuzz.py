"""A slice of the fuzzing with a fixed seed, every input that ever broke something, and proof that the fuzzer sees."""

from __future__ import annotations

import asyncio
import random
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.logs import log
from tests.fuzz.case import CANARY, Answer, Broken, Case
from tests.fuzz.engine import Fuzzer, attempt
from tests.fuzz.mutations import json_body
from tests.fuzz.promises import MAX_ANSWER_BYTES
from tests.fuzz.scenery import HEADERS, secret_of, stage
from tests.fuzz.targets.every import targets
from tests.fuzz.wire import Wire

CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.json"))
SEED = "slice"
INPUTS = 150  # for each share of a target


def _names() -> list[str]:
    with stage():
        return [*asyncio.run(targets())]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
async def test_input_that_once_broke_something_no_longer_does(path: Path) -> None:
    case = Case.load(path)
    with stage() as wire:
        target = (await targets())[case.target]
        assert await attempt(target, case, wire), "a case that calls nothing shows nothing"


@pytest.mark.parametrize("name", _names())
async def test_hostile_inputs_break_no_promise(name: str) -> None:
    with stage() as wire:
        fuzzer = Fuzzer((await targets())[name], SEED, wire)
        await fuzzer.run(INPUTS * fuzzer.target.share)
    assert {what: case.but(body=case.body[:300]) for what, (case, _) in fuzzer.found.items()} == {}
    assert len(fuzzer.behaviours) >= 5, "inputs that all end alike reach nothing"


async def test_memory_does_not_grow_with_inputs() -> None:
    rng = random.Random(7)
    with stage() as wire:
        target = (await targets())["intake"]
        seeds = target.seeds()

        async def traced_bytes(inputs: int) -> int:
            for _ in range(inputs):
                case = target.mutate(rng, rng.choice(seeds), rng.choice(seeds))
                await attempt(target, case, wire, limit_s=60)
            await asyncio.sleep(0)  # the loop lets go of cancelled timers only when it turns
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await traced_bytes(300)
            after = await traced_bytes(600)
        finally:
            tracemalloc.stop()
    assert after - before < 300_000


class Faulty:
    """A target whose app is broken in one way."""

    name = "faulty"
    share = 1

    def __init__(self, serve: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = Starlette(routes=[Route("/", serve, methods=["POST"])])
        self.met: list[Case] = []

    def seeds(self) -> Sequence[Case]:
        return [Case(self.name, "", b'{"a":[1,2,{"b":"c"}]}', headers=HEADERS)]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        return case.but(body=json_body(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        self.met.append(case)
        return [await wire.call(self._app, case)]


def error(message: str, status: int = 400) -> Response:
    return JSONResponse({"error": {"code": "malformed", "message": message, "field": None}}, status)


async def raises(request: Request) -> Response:
    raise ValueError("x")


async def answers_500(request: Request) -> Response:
    return error("an unexpected error", 500)


async def answers_503_for_an_input(request: Request) -> Response:
    return error("busy", 503)


async def repeats_a_value(request: Request) -> Response:
    return error(f"{CANARY} is no number")


async def shows_an_exception(request: Request) -> Response:
    return error("KeyError: 'a'")


async def tells_a_secret(request: Request) -> Response:
    return error(f"not {secret_of('crm')}")


async def logs_a_value(request: Request) -> Response:
    log("INFO", "seen", source=CANARY.replace(" ", "_"), task_id="t")
    log("INFO", f"seen {CANARY}")
    return error("no")


async def prints(request: Request) -> Response:
    print("here")
    return error("no")


async def writes_to_standard_error(request: Request) -> Response:
    sys.stderr.write("here")
    return error("no")


async def answers_at_length(request: Request) -> Response:
    return error("x" * MAX_ANSWER_BYTES)


async def answers_in_its_own_way(request: Request) -> Response:
    return PlainTextResponse("no", 400)


async def logs_an_unexpected_error(request: Request) -> Response:
    log("ERROR", "unexpected error", outcome="internal", error_type="KeyError")
    return error("no")


async def hangs(request: Request) -> Response:
    while True:
        pass


FAULTS = {
    raises: "exception escapes",
    answers_500: "5xx",
    answers_503_for_an_input: "5xx",
    repeats_a_value: "error tells",
    shows_an_exception: "error tells",
    tells_a_secret: "secret told",
    logs_a_value: "log message is no constant",
    prints: "writes something other than log lines",
    writes_to_standard_error: "writes to standard error",
    answers_at_length: "answer too large",
    answers_in_its_own_way: "error without its body",
    logs_an_unexpected_error: "unexpected error",
    hangs: "hang",
}


@pytest.mark.parametrize(("fault", "promise"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", None))
async def test_broken_promise_is_seen(fault: Any, promise: str) -> None:
    target = Faulty(fault)
    with stage() as wire, pytest.raises(Broken) as broken:
        await attempt(target, target.seeds()[0], wire, limit_s=0.2)
    assert broken.value.promise == promise


async def test_same_seed_tries_the_same_inputs() -> None:
    async def tried(seed: str) -> list[Case]:
        target = Faulty(answers_500)
        with stage() as wire:
            await Fuzzer(target, seed, wire).run(100)
        return target.met

    assert await tried("a") == await tried("a")
    assert await tried("a") != await tried("b")


async def test_finding_is_kept_once_with_the_input_that_replays_it(tmp_path: Path) -> None:
    with stage() as wire:
        fuzzer = Fuzzer(Faulty(raises), SEED, wire)
        await fuzzer.run(50)
    ((case, broken),) = fuzzer.found.values()
    case.save(tmp_path / "case.json")
    assert (broken.promise, Case.load(tmp_path / "case.json")) == ("exception escapes", case)


@pytest.mark.parametrize("body", [b"", b'{"a":1}', b"\x00\xff", "é".encode(), b"x" * 5000, b"a\nb"])
def test_case_is_the_same_after_a_time_on_disk(body: bytes, tmp_path: Path) -> None:
    case = Case("intake", "signed", body, "GET", "/é\x00", "a=%00", (("host", "é"),), "cut")
    case.save(tmp_path / "case.json")
    assert Case.load(tmp_path / "case.json") == case
