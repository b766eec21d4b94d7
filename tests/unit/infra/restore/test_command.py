"""`make restore`: what gcloud is asked, and what is refused before anything is."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import pytest

from infra.environment import Environment
from infra.restore import __main__ as command
from infra.restore.check import Report
from shared.errors import Misconfigured

PROD = Environment("prod", "acme-prod", "acme-prod-tfstate")
INTO = ("--destination-database=restored-1130", "--project=acme-prod")


def parsed(*arguments: str) -> argparse.Namespace:
    return command.parser().parse_args(["prod", "restored-1130", *arguments])


def test_a_time_is_cloned_and_a_backup_restored() -> None:
    assert command._command(PROD, parsed("--at", "2026-11-30T02:10:00Z")) == (
        "firestore",
        "databases",
        "clone",
        "--source-database=projects/acme-prod/databases/(default)",
        "--snapshot-time=2026-11-30T02:10:00Z",
        *INTO,
    )
    backup = "projects/acme-prod/locations/europe-west1/backups/b1"
    assert command._command(PROD, parsed("--backup", backup))[2:] == ("restore", f"--source-backup={backup}", *INTO)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["prod", "restored-1130"], "--at"),
        (["prod", "x1", "--check"], "4 to 63 of a-z, 0-9 and -"),
        (["prod", "(default)", "--check"], "4 to 63 of a-z, 0-9 and -"),
        (["prod", "restored-1130", "--at", "yesterday"], "yesterday is no time such as"),
        (["prod", "restored-1130", "--at", "2026-11-30T02:10:00"], "must be a whole minute with its zone"),
        (["prod", "restored-1130", "--at", "2026-11-30T02:10:30Z"], "must be a whole minute with its zone"),
        (["prod", "restored-1130", "--check", "--at", "2026-11-30T02:10:00Z"], "not allowed with argument"),
    ],
)
def test_what_cannot_be_restored_is_refused_by_name(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.parser().parse_args(arguments)
    assert says in " ".join(capsys.readouterr().err.split())


async def test_an_intent_that_is_none_is_not_released() -> None:
    with pytest.raises(Exception, match="refund is no intent; there are cancel_order"):
        await command._look(PROD, parsed("--release", "refund"))


async def test_a_database_is_waited_for_until_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    class Restoring:
        asked = 0

        async def read(self, *paths: str) -> list[Any]:
            self.asked += 1
            if self.asked < 3:
                raise Misconfigured("it is not there", code="store_misconfigured")
            return []

    store: Any = Restoring()
    await command.ready(store, 0, 60)
    assert (store.asked, capsys.readouterr().out.count("not ready yet")) == (3, 2)
    store.asked = 0
    with pytest.raises(Misconfigured):
        await command.ready(store, 0, -1)


def test_the_report_says_what_to_look_at_and_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(
        states=Counter(SUCCEEDED=1200, READY=2),
        in_doubt=Counter(refund_request=1, order_status=1),
        owed=1,
        problems=[f"tasks/t{n} is odd" for n in range(22)],
        held=frozenset({"refund_request"}),
    )
    command.show(report, "restored-1130")
    out = capsys.readouterr().out
    assert "restored-1130: 1,202 tasks: 2 READY, 1,200 SUCCEEDED" in out
    assert "order_status (NOT held): 1 had not ended" in out
    assert "refund_request (held)" in out
    assert "PROBLEM and 2 more" in out
    assert 'database = "restored-1130" in the variables' in out
