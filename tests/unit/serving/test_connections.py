"""Functions keep idle connections longer than clients do, however functions-framework sets its server up."""

from __future__ import annotations

import os
import subprocess
import sys

from shared.serving.connections import IDLE_S

LONGEST_OF_CLIENTS_S = 600  # Google's front ends
PROGRAM = """
import shared.serving.entry
from functions_framework._http.gunicorn import UvicornApplication
from uvicorn_worker import UvicornWorker
app = UvicornApplication(None, "127.0.0.1", 0, False)
print(UvicornWorker(1, 1, [], app, 0, app.cfg, app.cfg.logger_class(app.cfg)).config.timeout_keep_alive)
"""


def kept_s(**environment: str) -> float:
    """Return how long functions-framework's worker keeps an idle connection once our code is loaded."""
    env = {k: v for k, v in os.environ.items() if k != "FUNCTION_TARGET"} | environment
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return float(ran.stdout)


def test_a_function_keeps_idle_connections_longer_than_clients() -> None:
    assert kept_s(FUNCTION_TARGET="intake") == IDLE_S > LONGEST_OF_CLIENTS_S


def test_other_programs_that_load_our_code_keep_their_own_server() -> None:
    assert kept_s() < IDLE_S
