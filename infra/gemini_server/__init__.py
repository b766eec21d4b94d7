"""A local server that speaks the Gemini API as both SDKs call it, with faults on demand: for tests, benchmarks and
runs without a key. `python -m infra.gemini_server` serves it, `serving()` does so within a test."""

from __future__ import annotations

from infra.gemini_server.app import GeminiServer, create_app
from infra.gemini_server.serve import serving

__all__ = ["GeminiServer", "create_app", "serving"]
