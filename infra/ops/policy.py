"""`switchyard policy`: what decides today, per intent, as the console tells it; and what other settings would do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show, simulate
from infra.ops.arguments import Args, noun, runs
from infra.ops.client import Console, OpsError
from shared.currency import written

SUMMARY = "what decides today: risks, allowances, approvers, switches"
COLUMNS = ("intent", "risk", "without a person", "a day for one", "sources", "approvers", "switch")


def main(argv: Sequence[str] | None = None) -> int:
    """Tell today's policy."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard policy") -> argparse.ArgumentParser:
    """Return the options of telling the policy."""
    made = noun(
        prog,
        "Show what decides today: each intent's risk, allowance, approvers, switch; or try others on past tasks.",
        "switchyard policy",
        "switchyard policy --json",
        "switchyard policy simulate --threshold 0.7 --since 30d",
    )
    runs(made, _policy)
    simulate.add(made.add_subparsers(metavar="COMMAND"))
    return made


def _policy(args: Args, console: Console, terminal: Terminal) -> int:
    policy = console.get("policy")
    if not args.json and "intents" not in policy:
        raise OpsError(f"the console at {console.url} is older than this command; --json shows what it tells")

    def told() -> None:
        show.table(terminal, COLUMNS, rows(policy))
        threshold = policy["confidence_threshold"]
        for name, does in policy.get("switches", {}).items():
            print(f"switches/{show.plain(name)}: {show.plain(does)}")
        for name, why in policy.get("breakers", {}).items():
            print(f"breaker of {name} open: {show.plain(why)}")
        if (policy.get("drift") or {}).get("warns"):
            print("what comes in is not like what the certificate was made from: see the health page")
        print(f"\nyou are {show.plain(policy['you'])}; a person decides below confidence {threshold}")

    return show.answer(args.json, policy, told)


def rows(policy: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row of the table for each intent."""
    for name, intent in policy["intents"].items():
        people = policy["approvers"].get(name, policy["approvers"].get("*"))
        yield (
            name,
            intent["risk"],
            _allowance(name, intent["risk"], policy["automatic"]),
            "any number" if intent["per_day"] is None else str(intent["per_day"]),
            "all" if intent["sources"] is None else ", ".join(intent["sources"]),
            "anybody" if people is None else ", ".join(people),
            _switch(name, intent, policy["disabled_intents"]),
        )


def _allowance(name: str, risk: str, automatic: dict[str, dict[str, int] | None]) -> str:
    if risk == "none":
        return "when sure"
    if name not in automatic or (risk == "money" and not automatic[name]):
        return "never"
    amounts = (written(minor, currency) for currency, minor in (automatic[name] or {}).items())
    return ", ".join(["when sure", *(f"up to {amount}" for amount in amounts)])


def _switch(name: str, intent: dict[str, Any], disabled: list[str]) -> str:
    if name in disabled:
        return "off: DISABLED_INTENTS"
    return f"off: switches/{name}" if intent["switched_off"] else "on"
