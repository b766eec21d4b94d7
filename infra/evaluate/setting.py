"""What the environment says, or stands after `--against`, in; the classifier or the recording that it means out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from infra.errors import StackError
from infra.evaluate import recording
from infra.evaluate.keywords import KeywordClassifier
from infra.evaluate.run import Answerer, FromRecording, Live
from shared.errors import SettingError
from shared.intent.mistakes import like
from shared.intent.named import check_names, check_sources
from shared.intent.registry import Registry
from shared.model.memory import Memory
from shared.model.question import Classifier
from shared.settings import ClassifierName, Settings, load
from shared.wiring import classifiers

KEYWORDS = "keywords"
NOTHING = Memory(())
EXAMPLE = "a file that --record wrote, or settings such as CLASSIFIER=genai; `keywords` is the keyword router"
# What changes an answer, or what is made of it.
VARIABLES = (
    "AUTOMATIC",
    "CERTIFICATION",
    "CLASSIFIER",
    "CONFIDENCE_THRESHOLD",
    "DISABLED_INTENTS",
    "GEMINI_API_ENDPOINT",
    "GEMINI_API_KEY",
    "GEMINI_MODEL",
    "MAX_CONCURRENT_CALLS",
    "MODEL_TIMEOUT_S",
    "SKIP_CALLS",
    "VERTEX_LOCATION",
    "VERTEX_PROJECT",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to be routed: its name for people, its settings, and who answers; `recorded`, or a live `classifier`."""

    name: str
    settings: Settings
    answerer: Answerer
    classifier: Classifier | None = None
    recorded: recording.Recorded | None = None

    async def close(self) -> None:
        """Release connections."""
        if self.classifier:
            await self.classifier.close()


def of_environment(registry: Registry, named: Registry, recorded: Path | None, earlier: Memory = NOTHING) -> Setting:
    """Return the setting of this process, or a recording under its settings.

    `named`: the intents that settings may name, where `registry` holds others. `earlier`: what people decided before.

    Raises:
        SettingError, StackError: it cannot be used, or the file cannot be read.
    """
    settings = _settings({}, named)
    if recorded:
        return _of_file(recorded, settings)
    return _live(f"CLASSIFIER={settings.classifier}", settings, registry, earlier)


def of_words(words: str, registry: Registry, named: Registry, earlier: Memory = NOTHING) -> Setting:
    """Return the setting of `--against`: a recording, a classifier's name, or `NAME=value ...` over the environment.

    Raises:
        SettingError, StackError: it cannot be used, or the file cannot be read.
    """
    if words == KEYWORDS:
        settings, classifier = _settings({}, named), KeywordClassifier(registry)
        return Setting(words, settings, Live(classifier, settings.model_timeout_s), classifier)
    if words in get_args(ClassifierName):
        words = f"CLASSIFIER={words}"
    if "=" not in words or Path(words).is_file():
        return _of_file(Path(words), _settings({}, named))
    return _live(_without_key(words), _settings(_changes(words), named), registry, earlier)


def _settings(changes: dict[str, str], named: Registry) -> Settings:
    return check_names(check_sources(load({**os.environ, **changes})), named)


def _changes(words: str) -> dict[str, str]:
    changes = {}
    for part in words.split():
        name, equals, value = part.partition("=")
        if not equals or name not in VARIABLES:
            raise SettingError(
                f"--against has {name!r};{like(name, VARIABLES)} it takes {EXAMPLE}, of {', '.join(VARIABLES)}",
                field="--against",
            )
        changes[name] = value
    return changes


def _without_key(words: str) -> str:
    """Leave out what is nobody's to read: names are shown and written."""
    return " ".join(part for part in words.split() if not part.startswith("GEMINI_API_KEY="))


def _live(name: str, settings: Settings, registry: Registry, earlier: Memory) -> Setting:
    async def remember() -> Memory:
        return earlier

    try:
        classifier = classifiers.build(settings, registry, earlier=remember)
    except ModuleNotFoundError as error:
        chosen = f"CLASSIFIER={settings.classifier}"
        raise StackError(f"{chosen} needs {error.name}; `make eval {chosen}` installs it") from None
    return Setting(f"{name} ({classifier.model})", settings, Live(classifier, settings.model_timeout_s), classifier)


def _of_file(path: Path, settings: Settings) -> Setting:
    found = recording.read(path)
    return Setting(f"{path}: {found.classifier}", settings, FromRecording(found), recorded=found)
