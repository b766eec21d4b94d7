"""A worker of classify has the model's SDK in memory before anybody asks; the process it is forked from, never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from shared.wiring.warmth import THREAD

PROGRAM = f"""
import json, os, sys, threading
import functions.classify.main
sdks = lambda: [name for name in ("google.genai", "google.generativeai") if name in sys.modules]
before, (reading, writing) = sdks(), os.pipe()
if not os.fork():
    for thread in threading.enumerate():
        if thread.name == {THREAD!r}:
            thread.join(60)
    os.write(writing, json.dumps(sdks()).encode())
    os._exit(0)
os.wait()
print(json.dumps([before, json.loads(os.read(reading, 1000)), sdks()]))
"""


def loaded(**environment: str) -> Any:
    """Return which SDKs are in memory: before the fork, in the worker, and in the parent afterwards."""
    env = {k: v for k, v in os.environ.items() if k not in ("FUNCTION_TARGET", "CLASSIFIER")} | environment
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    return json.loads(subprocess.run(command, env=env, capture_output=True, timeout=120, check=True).stdout)


def test_a_worker_loads_the_sdk_of_the_settings() -> None:
    assert loaded(FUNCTION_TARGET="classify", CLASSIFIER="genai") == [[], ["google.genai"], []]


@pytest.mark.parametrize(
    "environment",
    [
        {"FUNCTION_TARGET": "classify", "CLASSIFIER": "local"},
        {"FUNCTION_TARGET": "classify", "CLASSIFIER": "unheard-of"},
        {"CLASSIFIER": "genai"},  # no functions-framework serves it
    ],
    ids=["local", "unusable", "elsewhere"],
)
def test_nothing_is_loaded_that_nobody_will_ask(environment: dict[str, str]) -> None:
    assert loaded(**environment) == [[], [], []]
