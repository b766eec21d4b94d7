"""A certificate: which thresholds are proven, for which classifier, by how many decisions, until when.

Made by `make calibrate`, reviewed by people, read by the gate as a setting. JSON in, a value or a refusal out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import SettingError

MAX_BYTES = 16 * 1024  # it has to fit into a variable of the environment
MAX_LINES = 200
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


class Line(_Part):
    """One pool of intents and what is proven of it.

    From `threshold` on, `right` of `counted` decisions were right; `bound` is the share that this proves.
    """

    intents: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], ...] = Field(min_length=1, max_length=200)
    threshold: Share
    right: int = Field(ge=0)
    counted: int = Field(ge=1)
    bound: Share
    curve: tuple[tuple[Share, Share], ...] = Field(
        default=(), max_length=100, description="[confidence from which on, share that was right], ascending"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Line:
        if self.right > self.counted:
            raise ValueError("right is more than counted")
        if any(a >= b or x > y for (a, x), (b, y) in zip(self.curve, self.curve[1:], strict=False)):
            raise ValueError("curve must ascend")
        return self


class Certificate(_Part):
    """What was proven of one classifier. It lapses with the classifier, its prompt, and its time."""

    version: Literal[1] = 1
    model: str = Field(min_length=1, max_length=200, description="As records name it in classification.model")
    prompt_versions: tuple[str, ...] = Field(min_length=1, max_length=50, description="As records name them")
    target: Share = Field(description="The precision that is proven")
    delta: Annotated[float, Field(gt=0, lt=1)] = Field(description="The risk that it is not kept all the same")
    look: int = Field(ge=1, description="The how-manieth look at decisions of this classifier this was")
    looks: int = Field(default=1, ge=1, description="How many were planned; each may take an equal part of delta")
    decisions: int = Field(default=0, ge=0, description="Counted at this look, of whatever intent")
    since: datetime = Field(description="When the first counted decision was made")
    until: datetime = Field(description="When the last one was")
    valid_until: datetime
    labels_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the labels that this was made from")
    acted_share: Share = Field(description="Of all tickets then, how many reach their threshold")
    lines: tuple[Line, ...] = Field(min_length=1, max_length=MAX_LINES)

    @model_validator(mode="after")
    def _holds_together(self) -> Certificate:
        if self.look > self.looks:
            raise ValueError("look is more than the looks that were planned")
        if any(at.tzinfo is None for at in (self.since, self.until, self.valid_until)):
            raise ValueError("times need an offset, such as Z")
        named = [name for line in self.lines for name in line.intents]
        if len(set(named)) < len(named):
            raise ValueError("an intent stands in two lines")
        return self

    @property
    def risk(self) -> float:
        """The part of delta that each line of this look took."""
        return self.delta / self.looks

    @property
    def intents(self) -> frozenset[str]:
        """Every intent of which something is proven."""
        return frozenset(name for line in self.lines for name in line.intents)

    def is_of(self, model: str, prompt_version: str) -> bool:
        """Whether it speaks of this classifier."""
        return model == self.model and prompt_version in self.prompt_versions

    def line_for(self, intent: str) -> Line | None:
        """Return what is proven of an intent, if anything is."""
        return next((line for line in self.lines if intent in line.intents), None)


def parse(text: str, variable: str = "CERTIFICATE") -> Certificate:
    """Return the certificate that a setting, or a file that `variable` names, holds.

    Raises:
        SettingError: it is none; `field` names the variable, and the words the member and the cure.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SettingError(f"{variable} is over {MAX_BYTES} bytes; write it anew with make calibrate", field=variable)
    try:
        return Certificate.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise SettingError(
            f"{variable} is no certificate: {where}: {first['msg']}; write it anew with make calibrate",
            field=variable,
        ) from None
