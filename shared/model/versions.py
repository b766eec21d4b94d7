"""A version of the router as somebody uploaded it in; weights, rules or a model's name that are safe to use out. Pure.

Versions are hostile until they are read here: also what stands in the store may be anybody's who can write there.
"""

from __future__ import annotations

import base64
import binascii
import re

from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.model.artefact import Artefact, load
from shared.model.rules import Rules, read_rules
from shared.settings import Settings
from shared.task.router import MAX_CONTENT_CHARS, Kind

MAX_WEIGHTS_BYTES = MAX_CONTENT_CHARS // 4 * 3
MAX_UNPACKED_BYTES = 10 * MAX_WEIGHTS_BYTES  # real ones unpack to four times their size
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,199}")


def opened(kind: Kind, content: str, registry: Registry, settings: Settings) -> Artefact | Rules | str:
    """Return what a version is: weights that were learnt from these intents, rules, or the name of a model.

    Raises:
        SettingError: it cannot be used, or not with this CLASSIFIER; says why, and the cure.
    """
    if kind != "weights" and settings.classifier == "local":
        raise SettingError(
            f"CLASSIFIER is local, which takes no {kind}; deploy with gemini or genai first, or teach weights",
            field="CLASSIFIER",
        )
    if kind == "prompt":
        return read_rules(content)
    if kind == "model":
        if not _MODEL.fullmatch(content):
            raise SettingError("a model's name has letters, digits and . _ / @ - only, 200 at most")
        return content
    try:
        data = base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error):
        raise SettingError("the weights are not in base64; upload the file that make teach wrote") from None
    if base64.b64encode(data).decode() != content:
        raise SettingError("the weights are not in canonical base64; upload the file that make teach wrote")
    return load(data, registry, MAX_UNPACKED_BYTES)
