"""What the local classifier learnt, as a file: bytes in, weights that are safe to use out, and back. Pure.

Canonical JSON of whole numbers behind bzip2, whose output no build changes: same lessons, same bytes. The hash of the
JSON is the model's name, so every record says exactly which weights answered.
"""

from __future__ import annotations

import bz2
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.canonical import canonical_json, sha256_hex
from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.model.language import COMMON, UNDETERMINED
from shared.model.regression import Regression
from shared.model.training import GRAIN
from shared.task.schemas import UNCLASSIFIED

FORMAT = 2  # grows whenever features or their weights come to mean something else
MAGIC = b"switchyard local classifier "
MAX_FILE_BYTES = 4_000_000  # 2,000 decisions make 130 kB
MAX_JSON_BYTES = 40_000_000
MAX_LABELS = 200
MAX_WEIGHT = 1 << 20  # in grains
MAX_NAME_CHARS = 200
_CURE = "make it anew with `make bundle`, or leave it out and the classifier trains itself"


@dataclass(frozen=True)
class Artefact:
    """Weights and where they come from: the intents' texts by their fingerprint, and how many decisions of people.

    `languages` are those it was taught in, as BCP 47 codes; a text in another is not its to judge.
    """

    regression: Regression
    intents: str
    languages: tuple[str, ...]
    decisions: int = 0

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of what is in it, in hex."""
        return sha256_hex(self.payload)

    @property
    def name(self) -> str:
        """The name of the model in records."""
        return f"local-lr-{FORMAT}.{self.digest[:8]}"

    @cached_property
    def payload(self) -> bytes:
        """Its canonical JSON. Features of one rarity and one set of weights, as most are, share a line."""
        learnt = self.regression
        lines: dict[tuple[int, ...], list[str]] = {}
        for name, weights in learnt.weights.items():
            lines.setdefault((learnt.having[name], *map(_grains, weights)), []).append(name)
        return canonical_json(
            {
                "intents": self.intents,
                "decisions": self.decisions,
                "languages": self.languages,
                "labels": learnt.labels,
                "texts": learnt.texts,
                "bias": [*map(_grains, learnt.bias)],
                "features": [[numbers, sorted(names)] for numbers, names in sorted(lines.items())],
            }
        )


def fingerprint(registry: Registry) -> str:
    """Return the hash of everything of the intents that is taught, in hex."""
    taught = [[i.name, i.description, i.examples, i.near_misses] for i in registry.values()]
    return sha256_hex(canonical_json(taught))


def dump(artefact: Artefact) -> bytes:
    """Return the bytes of a file that `load` takes."""
    return MAGIC + f"{FORMAT} {artefact.digest}\n".encode() + bz2.compress(artefact.payload)


def load(data: bytes, registry: Registry, most: int = MAX_JSON_BYTES) -> Artefact:
    """Return what is in the bytes of a file, if it was learnt from the intents of `registry` as they are.

    `most`: bytes that it may unpack to.

    Raises:
        SettingError: it is damaged, of another version, too large, not canonical, or of other intents; says which.
    """
    payload = _unpacked(data, most)
    try:
        content = json.loads(payload)
        artefact = _read(content)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused(f"its content cannot be used ({type(error).__name__}: {error})"[:300]) from None
    if artefact.payload != payload:
        raise _refused("it is not written canonically")
    missing = sorted(set(registry) - set(artefact.regression.labels))
    strange = sorted(set(artefact.regression.labels) - {*registry, UNCLASSIFIED})
    if missing or strange:
        raise _refused(
            "it was taught other intents"
            + (f"; it does not know {', '.join(missing)}" if missing else "")
            + (f"; no folder declares {', '.join(strange)}" if strange else ""),
            "classifier_outdated",
        )
    if artefact.intents != fingerprint(registry):
        raise _refused("descriptions, examples or near misses have changed since it was taught", "classifier_outdated")
    return artefact


def _refused(why: str, code: str = "classifier_damaged") -> SettingError:
    return SettingError(f"the local classifier's file is not used: {why}; {_CURE}", code=code)


def _unpacked(data: bytes, most: int) -> bytes:
    head, _, packed = data.partition(b"\n")
    if len(data) > MAX_FILE_BYTES:
        raise _refused(f"it has {len(data):,} bytes, more than {MAX_FILE_BYTES:,}")
    if not head.startswith(MAGIC):
        raise _refused("it is no such file")
    version, _, digest = head.removeprefix(MAGIC).partition(b" ")
    if version != str(FORMAT).encode():
        raise _refused(
            f"it is of version {version.decode('ascii', 'replace')[:20]}, this program reads {FORMAT}",
            "classifier_outdated",
        )
    unpacker = bz2.BZ2Decompressor()
    try:
        payload = unpacker.decompress(packed, most)
    except (OSError, ValueError):
        raise _refused("it is damaged") from None
    if not unpacker.eof and not unpacker.needs_input:
        raise _refused(f"it holds more than {most:,} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise _refused("it is cut off, or something follows it")
    if not hmac.compare_digest(sha256_hex(payload).encode(), digest):
        raise _refused("it is damaged: its hash is another")
    return payload


def _read(content: Any) -> Artefact:
    """Build the artefact, checking each value's kind and bounds; ValueError says which is wrong."""
    labels = content["labels"]
    if not isinstance(labels, list) or not 2 <= len(labels) <= MAX_LABELS or UNCLASSIFIED not in labels:
        raise ValueError(f"labels: 2 to {MAX_LABELS}, with {UNCLASSIFIED}")
    if not all(isinstance(label, str) for label in labels) or labels != sorted(set(labels)):
        raise ValueError("labels: sorted names, each once")
    texts = _whole(content["texts"], 1, 10_000_000, "texts")
    weights: dict[str, tuple[float, ...]] = {}
    having: dict[str, int] = {}
    for names, count, row in _lines(content["features"], len(labels), texts):
        for name in names:
            if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS or name in weights:
                raise ValueError(f"features: names of 1 to {MAX_NAME_CHARS} characters, each once")
            weights[name], having[name] = row, count
    intents = content["intents"]
    if not isinstance(intents, str):
        raise ValueError("intents: a hash")
    languages = content["languages"]
    if not isinstance(languages, list) or not all(code in COMMON or code == UNDETERMINED for code in languages):
        raise ValueError("languages: codes that are known")
    learnt = Regression(tuple(labels), _row(content["bias"], len(labels)), weights, texts, having)
    return Artefact(learnt, intents, tuple(languages), _whole(content["decisions"], 0, texts, "decisions"))


def _lines(features: Any, labels: int, texts: int) -> Iterator[tuple[list[Any], int, tuple[float, ...]]]:
    if not isinstance(features, list):
        raise ValueError("features: a list")
    for (count, *row), names in features:
        if not isinstance(names, list):
            raise ValueError("features: a list of names in each line")
        yield names, _whole(count, 1, texts, "features: count"), _row(row, labels)


def _row(grains: Any, labels: int) -> tuple[float, ...]:
    if not isinstance(grains, list) or len(grains) != labels:
        raise ValueError(f"weights: {labels} in each row")
    return tuple([_whole(grain, -MAX_WEIGHT, MAX_WEIGHT, "weight") / GRAIN for grain in grains])


def _whole(value: Any, least: int, most: int, what: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{what}: a whole number from {least} to {most}")
    return value


def _grains(weight: float) -> int:
    return round(weight * GRAIN)
