"""Settings, or a version of the router -> the one classifier they name. Only the chosen adapter is imported."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared import tracing
from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.logs import log
from shared.model.question import Classifier
from shared.model.weather import Weather
from shared.settings import Settings
from shared.task.router import Version
from shared.wiring.routing import Router

if TYPE_CHECKING:
    from shared.model.local import LocalClassifier
    from shared.model.memory import Memory
    from shared.wiring.desk import Desk
    from shared.wiring.spending import Spending

    Remember = Callable[[], Awaitable[Memory]]

# What the local classifier learnt. A bundle brings it, so that no cold start trains.
LEARNT = Path("functions/classify/learnt.bin")
_ROOT = Path(__file__).resolve().parents[2]


def build(
    settings: Settings,
    registry: Registry,
    desk: Desk | None = None,
    earlier: Remember | None = None,
    spending: Spending | None = None,
) -> Classifier:
    """Return the classifier of `settings`, which spares calls where they say so; it has sent nothing yet.

    `desk`: where the questions wait that are not spared; without one, whoever asks bounds the calls.
    `earlier`: reads what people decided about other texts. `spending`: counts tokens where a day's are bounded.

    Raises:
        SettingError: a key is needed and GEMINI_API_KEY is empty.
    """
    if settings.classifier == "local":
        return _traced(local(registry), settings)
    model = _model(settings, registry, desk, spending)
    if not settings.skip_calls:
        return model
    from shared.model.frugal import FrugalClassifier

    certificate = settings.local_certificate
    return FrugalClassifier(model, local(registry), registry, settings.skip_calls, certificate, earlier)


def _model(settings: Settings, registry: Registry, desk: Desk | None, spending: Spending | None) -> Classifier:
    """Return the model behind all that a call passes on its way: the last thing before the network is innermost."""
    model, limits = _traced(_adapter(settings), settings), settings.limits
    if desk is None:
        return model
    from shared.wiring.cache import CachingClassifier
    from shared.wiring.in_place import InPlaceClassifier
    from shared.wiring.weather import WeatherClassifier

    weather = Weather(settings.max_concurrent_calls, limits, random.random)
    weathered = WeatherClassifier(model, weather, spending, settings.model_budget_s)
    model = desk.before(weathered, weathered.held_s)
    if limits.cache_s:
        model = CachingClassifier(model, registry, limits.cache_s)
    return InPlaceClassifier(model, local(registry)) if limits.in_place == "local" else model


def _adapter(settings: Settings) -> Classifier:
    vertex = settings.classifier == "genai" and settings.vertex_project
    if not settings.gemini_api_key and not vertex:
        raise SettingError(
            f"GEMINI_API_KEY is empty and CLASSIFIER is {settings.classifier!r}; set a key from Google AI Studio, "
            "or CLASSIFIER=genai with VERTEX_PROJECT, or CLASSIFIER=local, which needs none",
            field="GEMINI_API_KEY",
        )
    if settings.classifier == "gemini":
        from shared.wiring.adapters.gemini import GeminiClassifier

        return GeminiClassifier(
            settings.gemini_api_key,
            settings.gemini_model,
            settings.gemini_api_endpoint,
            max_in_flight=settings.max_concurrent_calls,
        )
    from shared.wiring.adapters.genai import GenaiClassifier

    return GenaiClassifier(
        settings.gemini_api_key,
        settings.gemini_model,
        settings.gemini_api_endpoint,
        settings.vertex_project,
        settings.vertex_location,
    )


def _traced(classifier: Classifier, settings: Settings) -> Classifier:
    """Return it with a span around each call, where anything is traced."""
    if not tracing.is_on():
        return classifier
    from shared.wiring.traced import TracedClassifier

    vertex = settings.classifier == "genai" and settings.vertex_project
    google = "gcp.vertex_ai" if vertex else "gcp.gemini"
    return TracedClassifier(classifier, "switchyard" if settings.classifier == "local" else google)


def router_of(
    version: Version,
    settings: Settings,
    registry: Registry,
    usual: Callable[[], Classifier],
    desk: Desk | None = None,
    spending: Spending | None = None,
) -> Router:
    """Return who answers as this version says; `usual` returns the classifier of the settings, the rest as in `build`.

    Raises:
        SettingError: it cannot be used, or not with this CLASSIFIER.
    """
    from shared.model.artefact import Artefact
    from shared.model.versions import opened

    content = opened(version.kind, version.content, registry, settings)
    if isinstance(content, Artefact):
        from shared.model.local import LocalClassifier

        return Router(LocalClassifier(registry, content), version=version.hash)
    if isinstance(content, str):
        return Router(
            build(replace(settings, gemini_model=content), registry, desk, None, spending), version=version.hash
        )
    return Router(usual(), content, version.hash)


def local(registry: Registry, root: Path = _ROOT) -> LocalClassifier:
    """Return the local classifier with what it learnt, where that is beside the code and of these very intents."""
    from shared.model.artefact import load
    from shared.model.local import LocalClassifier

    try:
        return LocalClassifier(registry, load((root / LEARNT).read_bytes(), registry))
    except FileNotFoundError:
        pass  # it learns at its first question
    except SettingError as error:
        log("WARNING", "classifier_learns_anew", error_code=error.code)
    return LocalClassifier(registry)
