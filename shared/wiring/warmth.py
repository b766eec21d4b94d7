"""The model's SDK is loaded while an instance starts, beside its server, and not by the first task that needs it.

It takes longer to import than all else together. Nothing is built and nothing is asked: that is the first task's.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import warnings

from shared.settings import load

SDKS = {"gemini": "google.generativeai", "genai": "google.genai"}
THREAD = "warming up"


def warm_workers() -> None:
    """Have each worker that functions-framework's server forks from this process load the SDK of the settings.

    Not this process: what a thread of its own was importing at the fork would stay locked in the worker for ever.
    """
    os.register_at_fork(after_in_child=threading.Thread(target=_load_sdk, name=THREAD, daemon=True).start)


def _load_sdk() -> None:
    # Whatever is wrong, the first task meets as well, and says so.
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # google-generativeai announces its own end
        if sdk := SDKS.get(load().classifier):
            importlib.import_module(sdk)
