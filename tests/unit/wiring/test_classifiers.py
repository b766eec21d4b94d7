"""Settings choose the classifier, and a missing key says how to get along."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace

import pytest

from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.limits import Limits
from shared.model.artefact import dump
from shared.model.rules import RULES
from shared.model.teaching import train
from shared.settings import Settings
from shared.task.router import Kind, Version
from shared.wiring import classifiers
from shared.wiring.cache import CachingClassifier
from shared.wiring.desk import Desk
from shared.wiring.in_place import InPlaceClassifier
from tests.scripted import ScriptedModel
from tests.store import BEGINNING
from tests.world import REGISTRY


@pytest.mark.parametrize("name", ["gemini", "genai"])
def test_missing_key_names_the_setting_and_the_ways_out(name: str) -> None:
    with pytest.raises(SettingError, match="CLASSIFIER=local") as caught:
        classifiers.build(Settings(classifier=name), Registry({}))  # type: ignore[arg-type]
    assert caught.value.field == "GEMINI_API_KEY"


def test_vertex_project_does_not_stand_in_for_the_key_of_gemini() -> None:
    with pytest.raises(SettingError):
        classifiers.build(Settings(classifier="gemini", vertex_project="p"), Registry({}))


def test_genai_is_built_from_the_settings() -> None:
    settings = Settings(
        classifier="genai", gemini_api_key="k", gemini_model="m", gemini_api_endpoint="http://localhost"
    )
    assert classifiers.build(settings, Registry({})).model == "m"


def version(kind: Kind, content: str) -> Version:
    return Version(kind=kind, content=content, by="ml@example.com", at=BEGINNING)


GENAI = Settings(classifier="genai", gemini_api_key="k", gemini_model="m", gemini_api_endpoint="http://localhost")


@pytest.mark.parametrize(
    ("limits", "outermost"),
    [
        (Limits(), CachingClassifier),
        (Limits(in_place="local"), InPlaceClassifier),
        (Limits(in_place="local", cache_s=0), InPlaceClassifier),
    ],
)
def test_model_stands_behind_what_the_limits_say(limits: Limits, outermost: type) -> None:
    built = classifiers.build(replace(GENAI, limits=limits), REGISTRY, Desk(10, 30))
    assert type(built) is outermost
    assert built.model == "m"


def test_without_a_cache_every_question_goes_to_the_desk() -> None:
    built = classifiers.build(replace(GENAI, limits=Limits(cache_s=0)), REGISTRY, Desk(10, 30))
    assert not isinstance(built, CachingClassifier)


def test_version_that_names_a_model_is_asked_with_the_key_and_the_rules_of_the_settings() -> None:
    named = version("model", "other-model")
    router = classifiers.router_of(named, GENAI, REGISTRY, lambda: pytest.fail("another one was asked for"))
    assert (router.classifier.model, router.rules, router.version) == ("other-model", RULES, named.hash)


def test_version_of_rules_is_told_to_the_classifier_of_the_settings() -> None:
    usual = ScriptedModel()
    router = classifiers.router_of(version("prompt", "Be brief."), GENAI, REGISTRY, lambda: usual)
    assert (router.classifier, router.rules) == (usual, ("Be brief.",))


@pytest.mark.parametrize("settings", [Settings(), GENAI], ids=["local", "genai"])
def test_version_of_weights_is_the_local_classifier_whatever_the_settings_say(settings: Settings) -> None:
    artefact = train(REGISTRY, [("my parcel is nowhere to be seen", "order_status")])
    taught = version("weights", base64.b64encode(dump(artefact)).decode())
    router = classifiers.router_of(taught, settings, REGISTRY, lambda: pytest.fail("another one was asked for"))
    assert router.classifier.model == artefact.name


def test_local_needs_no_key_and_no_sdk() -> None:
    code = (
        "import sys; from shared.wiring import classifiers; from shared.intent.registry import discover;"
        "from shared.settings import Settings; classifiers.build(Settings(), discover());"
        "sys.exit('google.genai' in sys.modules or 'google.generativeai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
