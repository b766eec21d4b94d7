"""`python -m infra.intents NAME`: a new intent's folder, with a handler and a test that run as they are.

On a terminal it asks for what the command line does not say; elsewhere it takes what is safest.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from infra import manifest, manual, resources
from infra.commands import in_one_line
from infra.errors import StackError
from infra.kit.folder import Choices, Kind, Risk, files
from shared.intent.checks import PROVIDER
from shared.intent.registry import NAME, RESERVED, Registry, check_handlers, discover

ROOT = Path(__file__).resolve().parent.parent
EXECUTE = Path("functions/execute")
QUESTIONS = {
    "description": "When does somebody ask for it, in one sentence",
    "risk": f"What does it put at risk ({', '.join(get_args(Risk))})",
    "idempotency": "How does it bear repetition (none: at most once, natural: harmless, by_key: provider honours keys)",
    "provider": "Which outside system does it call",
    "url": "Where is that system",
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    page = manual.page(
        "Add an intent: one folder with what it is, what it does and a test that runs as it is.",
        "switchyard intent gift_card",
        "switchyard intent gift_card --provider shop --risk money --idempotency by_key",
        status={0: "it is written", 2: "the name cannot be used, or a declaration is broken"},
    )
    made = argparse.ArgumentParser("switchyard intent", **page)
    made.add_argument("name", metavar="NAME", help="a verb or what is asked for, such as gift_card")
    made.add_argument("--description", help="when somebody asks for it, in one sentence; the model chooses by it")
    made.add_argument("--risk", choices=get_args(Risk), help="all but none need a person (default: none)")
    made.add_argument(
        "--idempotency",
        choices=get_args(Kind),
        help="natural: repeating changes nothing; by_key: the provider honours our keys (default: none, at most once)",
    )
    made.add_argument("--provider", help="the outside system it calls, such as shop (default: one named as the intent)")
    made.add_argument("--url", help="where a new provider is (default: https://<provider>.example.com)")
    return made


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Write the folder and the manifest, and say what comes next."""
    options = parser().parse_args(argv)
    known = check_handlers(discover())
    choices = _choices(options, known)
    folder = EXECUTE / choices.name
    (ROOT / folder).mkdir()
    for name, text in files(choices).items():
        (ROOT / folder / name).write_text(text, encoding="utf-8")
        print(f"wrote {folder / name}")
    importlib.invalidate_caches()
    manifest.PATH.write_text(resources.to_json(manifest.build(check_handlers(discover()))))
    print(f"wrote {manifest.PATH.relative_to(ROOT)}")
    print(
        f"next: real examples in intent.py, the provider's real request in main.py; then\n"
        f"  .venv/bin/python -m pytest {folder} tests/contract/test_conformance.py -k {choices.name}"
    )
    return 0


def _choices(options: argparse.Namespace, known: Registry) -> Choices:
    """Return what was said on the command line, asked for on a terminal, or is safest.

    Raises:
        StackError: a value cannot be used; says which and what it must be.
    """
    name = _name(options.name)
    description = _ask(options, "description", f"The customer asks for {name.replace('_', ' ')}.")
    risk = _ask(options, "risk", "none", get_args(Risk))
    idempotency = _ask(options, "idempotency", "none", get_args(Kind))
    provider = _ask(options, "provider", name)
    if not PROVIDER.fullmatch(provider):
        raise StackError(f"provider {provider!r} must match {PROVIDER.pattern}; it becomes part of a variable's name")
    urls = {intent.provider.name: intent.provider.url for intent in known.values()}
    url = urls.get(provider) or _ask(options, "url", f"https://{provider.replace('_', '-')}.example.com")
    if options.url not in (None, url):
        raise StackError(f"provider {provider!r} is at {url} already; leave --url out, or name another provider")
    if (parts := urlsplit(url)).scheme != "https" or not parts.hostname or '"' in url:
        raise StackError(f"url {url!r} must be https://host")
    return Choices(name, description, provider, url, risk, idempotency)  # type: ignore[arg-type]


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise StackError(f"NAME {name!r} must match {NAME.pattern}: small letters, digits and underscores")
    if name in RESERVED or keyword.iskeyword(name):
        raise StackError(f"NAME {name!r} is taken by Python or by us; choose another one")
    for path in (EXECUTE / name, EXECUTE / f"{name}.py"):
        if (ROOT / path).exists():
            raise StackError(f"NAME {name!r}: {path} exists already; choose another one, or change what is there")
    return name


def _ask(options: argparse.Namespace, what: str, default: str, allowed: Sequence[str] = ()) -> str:
    """Return an option, what somebody types at the terminal, or the default where nobody is."""
    given = getattr(options, what)
    while given is None:
        given = default
        if sys.stdin.isatty():
            given = input(f"{QUESTIONS[what]} [{default}]: ").strip() or default
        if allowed and given not in allowed:
            print(f"it must be one of {', '.join(allowed)}")
            given = None
    if not given.strip() or not given.isprintable():
        raise StackError(f"{what} must be one line of text")
    return str(given)


if __name__ == "__main__":
    sys.exit(main())
