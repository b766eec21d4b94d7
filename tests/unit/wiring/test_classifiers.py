"""Settings choose the classifier, and a missing key says how to get along."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.errors import SettingError
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.wiring import classifiers


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


def test_local_needs_no_key_and_no_sdk() -> None:
    code = (
        "import sys; from shared.wiring import classifiers; from shared.intent.registry import discover;"
        "from shared.settings import Settings; classifiers.build(Settings(), discover());"
        "sys.exit('google.genai' in sys.modules or 'google.generativeai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
