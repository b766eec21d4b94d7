"""`switchyard sign-in`: a person signs in at a deployed console with the browser, once."""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from infra import manual
from infra.errors import SignInError
from infra.ops import kept
from infra.ops.client import Console, OpsError
from infra.ops.loopback import Client, authorize
from infra.ops.sign_in import SignedIn

CLIENT_FILE = "the JSON file of an OAuth client of type Desktop app, which the console is told of (terraform/README.md)"


def main(argv: Sequence[str] | None = None, browse: Callable[[str], object] = webbrowser.open) -> int:
    """Sign in, or out; 0 only if the console lets this person in."""
    options = parser().parse_args(argv)
    url = str(options.console or os.environ.get("CONSOLE_URL", "")).rstrip("/")
    if not url.startswith("https://"):
        print("switchyard: name a deployed console with --console or CONSOLE_URL: https://...", file=sys.stderr)
        return 2
    try:
        if options.out:
            kept.keep(url, None)
            print(f"nothing is kept of {url} any more")
            return 0
        print(f"{_sign_in(url, _client(url, options.client), browse)} is signed in at {url}")
    except SignInError as error:
        print(f"switchyard: {error}", file=sys.stderr)
        return 3
    except OpsError as error:
        print(f"switchyard: Google knows you, but {error}", file=sys.stderr)
        return error.status
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    made = argparse.ArgumentParser(
        prog="switchyard sign-in",
        **manual.page(
            "Sign in at a deployed console with the browser, once; every other command then goes by it.",
            "switchyard sign-in --console https://console-1234.europe-west1.run.app --client desktop.json",
            "switchyard sign-in --out",
            environment={"CONSOLE_URL": "the console's address", "XDG_CONFIG_HOME": "where sign-ins are kept"},
            status={0: "signed in, or out", 2: "wrong usage", 3: "nobody is signed in"},
        ),
    )
    made.add_argument("--console", help="its address (default: CONSOLE_URL)")
    made.add_argument("--client", type=Path, metavar="FILE", help=f"{CLIENT_FILE}; the first time")
    made.add_argument("--out", action="store_true", help="forget this sign-in")
    return made


def _client(url: str, path: Path | None) -> Client:
    """Return the client that is named, or the one that signed in here before."""
    try:
        found = json.loads(path.read_text())["installed"] if path else kept.of(url)
        if found is None:
            raise SignInError(f"--client is needed the first time: {CLIENT_FILE}")
        return Client(**{name: str(found[name]) for name in Client.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SignInError(f"{path or kept.path()} is not {CLIENT_FILE} ({type(error).__name__})") from None


def _sign_in(url: str, client: Client, browse: Callable[[str], object]) -> str:
    """Have a person sign in; keep it if the console lets them in; return their address."""

    def show(address: str) -> None:
        print(f"sign in with the browser, here or at\n  {address}", flush=True)
        browse(address)

    tokens = authorize(client, show)
    console = Console(url, SignedIn(lambda: tokens["id_token"]))
    try:
        console.get("policy")
    finally:
        console.close()
    kept.keep(url, {**asdict(client), "refresh_token": tokens["refresh_token"]})
    return _named_in(tokens["id_token"])


def _named_in(token: str) -> str:
    """Return the address in a token that the proxy has just accepted: to be shown, never to be believed."""
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["email"])


if __name__ == "__main__":
    sys.exit(main())
