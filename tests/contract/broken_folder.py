"""The folder of an intent, whole or with one mistake."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "functions/execute/send_catalogue"

INTENT = '''\
"""Send the printed catalogue."""

from typing import Annotated

from pydantic import Field

from shared.intent.declaration import NONE, Intent, Limits, ParametersModel, Policy, Provider, by_key
from shared.intent.provenance import FromField, FromPayload, MoneyFromPayload


class Parameters(ParametersModel):
    """Which one."""

    edition: Annotated[str, Field(pattern=r"^[A-Z]{4}$"), FromPayload()]


INTENT = Intent(
    name="send_catalogue",
    description="The customer wants the printed catalogue.",
    examples=("please send the catalogue", "a printed catalogue, please", "catalogue WXYZ by post"),
    parameters=Parameters,
    provider=Provider("printer", url="https://printer.example.com"),
    policy=Policy(),
)
'''

MAIN = '''
"""Send it."""


async def handle(params, ctx):
    return "sent"
'''


@dataclass(frozen=True)
class Broken:
    """A folder with one mistake, and what is said of it after `functions/execute/send_catalogue`."""

    mistake: str
    said: str
    old: str = ""
    new: str = ""
    file: str = "intent.py"

    def __str__(self) -> str:
        return self.mistake

    def texts(self) -> dict[str, str]:
        """Return what is in the folder: nothing of a file whose new text is empty."""
        files = {"intent.py": INTENT, "main.py": MAIN}
        if self.old:
            assert self.old in files[self.file], self.mistake
        files[self.file] = files[self.file].replace(self.old, self.new) if self.old else self.new
        return {name: text for name, text in files.items() if text}


def declared(mistake: str, old: str, new: str, said: str) -> Broken:
    return Broken(mistake, said, old, new)


def handled(mistake: str, new: str, said: str) -> Broken:
    return Broken(mistake, said, new=new, file="main.py")
