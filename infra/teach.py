"""`make teach LABELS=labels.jsonl OUT=model.bin`: what people decided in, weights for the local classifier out.

Labels are exported decisions (`switchyard labels export`) or labelled tickets, one JSON object a line with `text` and
`intent`. The same intents and labels make the same bytes, whose hash is the model's name in every record.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.commands import in_one_line
from infra.errors import StackError
from infra.evaluate.tickets import parsed
from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.intent.registry import Registry, discover
from shared.model.artefact import dump
from shared.model.teaching import OUT_OF_SCOPE, Lesson, train
from shared.model.versions import MAX_WEIGHTS_BYTES
from shared.task.schemas import UNCLASSIFIED

MAX_LABELS = 100_000


@dataclass(slots=True)
class Lessons:
    """What a file teaches, and how many of its lines do not: `hashed` hold no text, of `unsaid` no intent was said."""

    lessons: list[Lesson] = field(default_factory=list)
    hashed: int = 0
    unsaid: int = 0


def read(path: Path, registry: Registry) -> Lessons:
    """Return the lessons of a file of labels, in its order.

    Raises:
        StackError: it cannot be read, or a line cannot be used; says line, field and cure.
    """
    found = Lessons()
    for _, (text, intent) in parsed(path, lambda line: _said(line, registry), most=MAX_LABELS):
        if intent is None:
            found.unsaid += 1
        elif not text.strip():
            found.hashed += 1
        else:
            found.lessons.append((text, intent))
    return found


def _said(line: bytes, registry: Registry) -> tuple[str, str | None]:
    members = parse_object(line)
    text, intent = members.get("text"), members.get("intent")
    for name in ("text", "intent"):
        if not isinstance(members.get(name), str | None):
            raise BadRequest("must be a text; export the labels again", field=name)
    if intent is not None and intent not in (*registry, UNCLASSIFIED, OUT_OF_SCOPE):
        why = f"is {intent!r:.60}, which no folder declares; leave the line out, or label it {OUT_OF_SCOPE!r}"
        raise BadRequest(why, field="intent")
    return text or "", intent


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Teach, and write the weights."""
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="make teach", description=__doc__, formatter_class=how)
    parser.add_argument("labels", type=Path, metavar="LABELS")
    parser.add_argument("out", type=Path, metavar="OUT")
    args = parser.parse_args(argv)
    registry = discover()
    found = read(args.labels, registry)
    if not found.lessons:
        raise StackError(
            f"{args.labels} teaches nothing: {found.hashed} labels without text, {found.unsaid} without intent; texts "
            "are kept from when LABEL_TEXTS is keep"
        )
    artefact = train(registry, found.lessons)
    data = dump(artefact)
    write(args.out, data)
    print(f"{artefact.name}: {len(data):,} bytes in {args.out}, from {len(found.lessons)} labels: {_counts(found)}")
    if found.hashed or found.unsaid:
        print(f"left out: {found.hashed} labels without text, {found.unsaid} that say no intent")
    if len(data) > MAX_WEIGHTS_BYTES:
        print(f"too large to upload: at most {MAX_WEIGHTS_BYTES:,} bytes; teach with fewer labels")
    else:
        print(f"next: switchyard router upload {args.out}")
    return 0


def _counts(found: Lessons) -> str:
    counted = Counter(intent for _, intent in found.lessons)
    return ", ".join(f"{intent} {n}" for intent, n in sorted(counted.items()))


def write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing of it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StackError(f"{path} cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
