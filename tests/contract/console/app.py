"""The console's app as it is deployed."""

from __future__ import annotations

import functions.console.main as console
from tests.world import deployed

APP = deployed(console, "console")
