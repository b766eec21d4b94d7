"""What the folder of a new intent holds: a few choices in, files out that run as they are and pass `make check`."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

Risk = Literal["none", "money", "credential", "goods"]
Kind = Literal["none", "natural", "by_key"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody who adds an intent has decided. `url` is the provider's address."""

    name: str
    description: str
    provider: str
    url: str
    risk: Risk = "none"
    idempotency: Kind = "none"

    @property
    def words(self) -> str:
        """The name as one says it."""
        return self.name.replace("_", " ")

    @property
    def path(self) -> str:
        """Where at the provider it is asked for, until somebody writes the real one."""
        return f"/{self.name.replace('_', '-')}"

    @property
    def about(self) -> str:
        """How the handler says whom or what a task is about, inside an f-string."""
        return "{params.email}" if self.risk == "credential" else "order {params.order_id}"


def files(choices: Choices) -> dict[str, str]:
    """Return the text of each file by its name in the folder."""
    return {
        "intent.py": _intent(choices),
        "main.py": _main(choices),
        f"test_{choices.name}.py": _test(choices),
    }


ORDER = """\
    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$", description="Order number"), FromPayload()]
"""
EMAIL = """\
    email: Annotated[
        str,
        Field(pattern=r"^[^@\\s]{1,64}@[^@\\s]{1,190}$", description="The requester's own e-mail address"),
        FromField("/requester/email"),
    ]
"""
MONEY = """\
    amount_minor: Annotated[
        int, Field(gt=0, le=1_000_000, description="Minor units of the currency"), MoneyFromPayload(currency="currency")
    ]
    currency: Annotated[Literal["USD", "EUR", "GBP"], Field(description="ISO 4217 code")]
"""
FIELDS: dict[Risk, str] = {"none": ORDER, "money": ORDER + MONEY, "credential": EMAIL, "goods": ORDER}
TYPES: dict[Risk, str] = {
    "none": "Annotated",
    "money": "Annotated, Literal",
    "credential": "Annotated",
    "goods": "Annotated",
}
MARKERS: dict[Risk, str] = {
    "none": "FromPayload",
    "money": "FromPayload, MoneyFromPayload",
    "credential": "FromField",
    "goods": "FromPayload",
}
POLICIES: dict[Risk, str] = {
    "none": 'Policy(subject="/requester/email", per_day=2)',
    "money": 'Policy(risk="money", amount="amount_minor", subject="/requester/email", per_day=2)',
    "credential": 'Policy(risk="credential", subject="/requester/email", per_day=2)',
    "goods": 'Policy(risk="goods", subject="/requester/email", per_day=2)',
}
SAMPLES: dict[Risk, str] = {
    "none": '{"order_id": "#10021"}',
    "money": '{"order_id": "#10021", "amount_minor": 2500, "currency": "USD"}',
    "credential": '{"email": "jane@example.com"}',
    "goods": '{"order_id": "#10021"}',
}
EXAMPLES = "    # The model chooses by these, too: replace them with what people really write, ten or more.\n"
REPEATS: dict[Kind, str] = {
    "none": "    # At most once: what may have happened is never tried again. See by_key and NATURAL.\n"
    "    idempotency=NONE,\n",
    "natural": "    # Repeating it changes nothing.\n    idempotency=NATURAL,\n",
    "by_key": "    # As long as the provider keeps our keys: look it up, and stay below.\n"
    "    idempotency=by_key(safe_age=timedelta(hours=23)),\n",
}


def _intent(choices: Choices) -> str:
    keyed = choices.idempotency == "by_key"
    declared = "" if keyed else f"{choices.idempotency.upper()}, "
    examples = "".join(f'        "{example}",\n' for example in _examples(choices))
    return f'''\
"""What `{choices.name}` is: what it needs to know, and when a person must look."""

from __future__ import annotations

{"from datetime import timedelta" + chr(10) if keyed else ""}from typing import {TYPES[choices.risk]}

from pydantic import Field

from shared.intent.declaration import {declared}Intent, ParametersModel, Policy, Provider{", by_key" if keyed else ""}
from shared.intent.provenance import {MARKERS[choices.risk]}


class Parameters(ParametersModel):
    """What the model fills in; the gate checks that it stands in the event."""

{FIELDS[choices.risk]}

INTENT = Intent(
    name="{choices.name}",
{_described(choices.description)}{EXAMPLES}    examples=(
{examples}    ),
    # What looks like it and is not it, such as "how long does it take": the local classifier leaves it to people.
    near_misses=(),
    parameters=Parameters,
{_provider(choices)}{REPEATS[choices.idempotency]}    policy={POLICIES[choices.risk]},
)
'''


def _provider(choices: Choices) -> str:
    arguments = f'"{choices.provider}", url="{choices.url}"'
    line = f"    provider=Provider({arguments}),\n"
    return line if len(line) <= 121 else f"    provider=Provider(\n        {arguments}\n    ),\n"


def _described(description: str) -> str:
    """Return the field in lines that are not too long."""
    words = " ".join(description.split()).replace("\\", "/").replace('"', "'")
    if len(words) <= 100:
        return f'    description="{words}",\n'
    parts = textwrap.wrap(words, 95, drop_whitespace=False)
    return "    description=(\n" + "".join(f'        "{part}"\n' for part in parts) + "    ),\n"


def _examples(choices: Choices) -> tuple[str, ...]:
    words = choices.words
    if choices.risk == "credential":
        return f"please do the {words} for me", f"I need the {words}", f"{words} for my account, thank you"
    much = ("25.00 USD, ", "10.00 EUR, ", "7.50 GBP, ") if choices.risk == "money" else ("", "", "")
    return (
        f"please do the {words}, {much[0]}order #10021",
        f"I ask for the {words}, {much[1]}it is order 20017",
        f"{words}, {much[2]}order 31177, thank you",
    )


def _main(choices: Choices) -> str:
    words = choices.words
    return f'''\
"""What `{choices.name}` does: one request to {choices.provider}."""

from __future__ import annotations

{"from typing import Literal" + chr(10) * 2 if choices.idempotency == "by_key" else ""}\
from functions.execute.{choices.name}.intent import Parameters
from shared.intent.handler import TaskContext


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Ask the provider for it; `ctx.http` raises what the answer means."""
    asked = params.model_dump()
    {_call(choices)}
    return f"Done: {words} for {choices.about}"


async def plan(params: Parameters, ctx: TaskContext) -> str:
    """Tell a person who has to decide what would happen; read, never write."""
    return f"Do {words} for {choices.about}"
{RECONCILE.replace("PATH", choices.path) if choices.idempotency == "by_key" else ""}'''


RECONCILE = '''

async def reconcile(effect_key: str, ctx: TaskContext) -> Literal["applied", "not_applied", "unknown"]:
    """Ask the provider what it did under this key."""
    key = {"idempotency_key": effect_key}
    reply = await ctx.http.call("GET", "PATH", params=key)
    found = reply.get("data")
    if found is None:
        return "unknown"
    return "applied" if found else "not_applied"
'''


def _call(choices: Choices) -> str:
    method = "PUT" if choices.idempotency == "natural" else "POST"
    key = ", key=ctx.effect_key" if choices.idempotency == "by_key" else ""
    return f'await ctx.http.call("{method}", "{choices.path}", json=asked{key})'


def _test(choices: Choices) -> str:
    method = "PUT" if choices.idempotency == "natural" else "POST"
    key = "done.effect_key" if choices.idempotency == "by_key" else "None"
    said = choices.about.replace("{params.order_id}", "#10021").replace("{params.email}", "jane@example.com")
    lost, ends = LOST[choices.idempotency]
    return f'''\
"""`{choices.name}` by itself: what it asks for, and how a task ends. No stack, no network."""

from __future__ import annotations

from functions.execute.{choices.name}.intent import INTENT
from infra.kit.provider import LOST, ScriptedProvider
from infra.kit.run import planned, run

SAMPLE = {SAMPLES[choices.risk]}


async def test_provider_is_asked_once_whatever_the_bus_repeats() -> None:
    done = await run(INTENT, SAMPLE, provider=ScriptedProvider([(201, {{"id": "7"}})]), deliveries=2)
    assert done.state == "SUCCEEDED"
    assert done.output == "Done: {choices.words} for {said}"
    [sent] = done.requests
    assert (sent.method, sent.path) == ("{method}", "{choices.path}")
    assert (sent.body, sent.key) == (SAMPLE, {key})


async def test_provider_that_refuses_ends_the_task() -> None:
    done = await run(INTENT, SAMPLE, provider=ScriptedProvider([422]))
    assert (done.state, done.error) == ("FAILED", "provider_422")


async def test_{lost}() -> None:
    done = await run(INTENT, SAMPLE, provider=ScriptedProvider(writes=[LOST]))
    assert (done.state, done.attempts, len(done.effects)) == {ends}


async def test_person_reads_what_would_happen() -> None:
    assert await planned(INTENT, SAMPLE) == "Do {choices.words} for {said}"
'''


LOST: dict[Kind, tuple[str, str]] = {
    "none": ("lost_answer_is_left_to_a_person", '("UNKNOWN", 1, 1)'),
    "natural": ("lost_answer_is_asked_for_again", '("SUCCEEDED", 2, 2)'),
    "by_key": ("lost_answer_is_asked_for_again_under_the_same_key", '("SUCCEEDED", 2, 1)'),
}
