"""What stands after `--against`."""

from __future__ import annotations

from infra.evaluate.setting import of_words
from tests.shipped import shipped


async def test_settings_lie_over_the_environment_and_a_key_is_nobodys_to_read() -> None:
    words = "CLASSIFIER=genai GEMINI_API_KEY=AIza-the-key GEMINI_MODEL=gemini-9 CONFIDENCE_THRESHOLD=0.9"
    made = of_words(words, shipped(), shipped())
    assert (made.settings.gemini_api_key, made.settings.confidence_threshold) == ("AIza-the-key", 0.9)
    assert made.name == "CLASSIFIER=genai GEMINI_MODEL=gemini-9 CONFIDENCE_THRESHOLD=0.9 (gemini-9)"
    await made.close()
