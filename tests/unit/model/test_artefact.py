"""The local classifier's file: what it holds, that it is reproducible, and that no bad one is used."""

from __future__ import annotations

import bz2
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.canonical import canonical_json, sha256_hex
from shared.errors import SettingError
from shared.event.payload import View
from shared.intent.registry import Registry
from shared.model import artefact as module
from shared.model.artefact import FORMAT, MAGIC, Artefact, dump, load
from shared.model.local import LocalClassifier
from shared.model.teaching import train
from shared.wiring.classifiers import LEARNT, local
from tests.shipped import SHIPPED, shipped

ROOT = Path(__file__).parents[3]
REGISTRY = shipped()
LABELS = [("the thing from the shop is nowhere", "order_status"), ("good day to you all", "out_of_scope")]


@pytest.fixture(scope="module")
def learnt() -> Artefact:
    return train(REGISTRY)


@pytest.fixture(scope="module")
def data(learnt: Artefact) -> bytes:
    return dump(learnt)


def test_what_is_loaded_answers_as_what_was_taught(learnt: Artefact, data: bytes) -> None:
    taught, loaded = LocalClassifier(REGISTRY, learnt), LocalClassifier(REGISTRY, load(data, REGISTRY))
    for text in (text for intent in REGISTRY.values() for text in (*intent.examples[:4], *intent.near_misses[:4])):
        view = View({"/text": text}, {})
        assert taught.judge(view, SHIPPED) == loaded.judge(view, SHIPPED)
    assert taught.model == loaded.model == f"local-lr-{FORMAT}.{learnt.digest[:8]}"


def test_file_is_small_and_says_what_it_is(learnt: Artefact, data: bytes) -> None:
    assert len(data) < 60_000
    assert data.startswith(MAGIC + f"{FORMAT} {learnt.digest}\n".encode())
    taught = train(REGISTRY, LABELS)
    assert (learnt.decisions, taught.decisions) == (0, 2)
    assert load(dump(taught), REGISTRY).decisions == 2
    assert taught.name != learnt.name


def test_same_lessons_make_the_same_bytes_in_another_process(learnt: Artefact) -> None:
    code = "from shared.model.teaching import train; from tests.shipped import shipped; print(train(shipped()).digest)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": "", "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
    )
    assert said.stdout.strip() == learnt.digest


def packed(payload: bytes, version: str = str(FORMAT)) -> bytes:
    return MAGIC + f"{version} {sha256_hex(payload)}\n".encode() + bz2.compress(payload)


def changed(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return the file with other content and the hash that fits it."""
    content = json.loads(bz2.decompress(data.partition(b"\n")[2]))
    change(content)
    return packed(canonical_json(content))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda d: b"", "no such file"),
        (lambda d: b"PK\x03\x04" + d, "no such file"),
        (lambda d: d[:-20], "cut off"),
        (lambda d: d + b"more", "something follows"),
        (lambda d: d[:-40] + bytes(40), "damaged"),
        (lambda d: d.replace(b"\nBZh", b"\nXXX"), "damaged"),
        (lambda d: d.partition(b"\n")[0][:-1] + b"!\n" + d.partition(b"\n")[2], "its hash is another"),
        (lambda d: packed(b"{}", "1"), "it is of version 1, this program reads"),
        (lambda d: d + bytes(module.MAX_FILE_BYTES), "more than 4,000,000"),
        (lambda d: packed(bytes(module.MAX_JSON_BYTES + 1)), "it holds more than"),
        (lambda d: packed(b"[" * 100_000), "cannot be used"),
        (lambda d: packed(b"[]"), "cannot be used"),
        (lambda d: packed(b"{} "), "cannot be used"),
        (lambda d: packed(bz2.decompress(d.partition(b"\n")[2]) + b"\n"), "not written canonically"),
        (lambda d: changed(d, lambda c: c.pop("bias")), "cannot be used"),
        (lambda d: changed(d, lambda c: c["bias"].append(0)), "weights: 7 in each row"),
        (lambda d: changed(d, lambda c: c.update(bias=[0.5] * 7)), "weight: a whole number"),
        (lambda d: changed(d, lambda c: c.update(bias=[True] * 7)), "weight: a whole number"),
        (lambda d: changed(d, lambda c: c.update(bias=[1 << 30] * 7)), "weight: a whole number"),
        (lambda d: changed(d, lambda c: c.update(texts=0)), "texts: a whole number"),
        (lambda d: changed(d, lambda c: c.update(decisions=-1)), "decisions: a whole number"),
        (lambda d: changed(d, lambda c: c.update(intents=None)), "intents: a hash"),
        (lambda d: changed(d, lambda c: c.update(languages=["klingon"])), "languages: codes"),
        (lambda d: changed(d, lambda c: c.update(extra=1)), "not written canonically"),
        (lambda d: changed(d, lambda c: c.update(labels=["unclassified"])), "labels: 2 to"),
        (lambda d: changed(d, lambda c: c["labels"].reverse()), "labels: sorted"),
        (lambda d: changed(d, lambda c: c.update(features={})), "features: a list"),
        (lambda d: changed(d, lambda c: c["features"].append([[1], ["x"]])), "weights: 7 in each row"),
        (lambda d: changed(d, lambda c: c["features"].append(c["features"][0])), "each once"),
        (lambda d: changed(d, lambda c: c["features"][0][1].append("x" * 201)), "features: names of"),
        (lambda d: changed(d, lambda c: c["labels"].__setitem__(0, "a_cuckoo")), "no folder declares a_cuckoo"),
    ],
)
def test_bad_file_is_refused_with_its_fault_and_the_cure(data: bytes, harm: Any, why: str) -> None:
    with pytest.raises(SettingError) as refusal:
        load(harm(data), REGISTRY)
    assert why in refusal.value.message
    assert refusal.value.message.endswith("the classifier trains itself")


def test_file_of_other_intents_is_refused(data: bytes) -> None:
    fewer = Registry({name: REGISTRY[name] for name in SHIPPED if name != "cancel_order"})
    more = Registry({**REGISTRY, "recall_order": replace(REGISTRY["cancel_order"], name="recall_order")})
    reworded = Registry({**REGISTRY, "cancel_order": replace(REGISTRY["cancel_order"], near_misses=())})
    for registry, why in (
        (fewer, "no folder declares cancel_order"),
        (more, "does not know recall_order"),
        (reworded, "near misses have changed"),
    ):
        with pytest.raises(SettingError, match=why) as refusal:
            load(data, registry)
        assert refusal.value.code == "classifier_outdated"


async def test_classifier_uses_a_file_that_fits_and_says_so_of_one_that_does_not(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Registry({**REGISTRY, "cancel_order": replace(REGISTRY["cancel_order"], near_misses=())})
    path = tmp_path / LEARNT
    path.parent.mkdir(parents=True)
    own = local(registry, tmp_path).model
    path.write_bytes(data)
    assert local(REGISTRY, tmp_path).model.endswith(data[len(MAGIC) :].split()[1][:8].decode())
    assert capsys.readouterr().out == ""
    assert local(registry, tmp_path).model == own
    assert "classifier_outdated" in capsys.readouterr().out
