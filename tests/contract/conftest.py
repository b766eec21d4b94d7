"""Which contract suites belong to which environment.

google-generativeai holds protobuf below 6, so its suite runs in an environment of its own (infra/requirements/
classify.txt), where the variable is set: `CLASSIFY_ENV=1 pytest tests/contract/test_gemini.py`. Elsewhere it is not
collected; it never skips, for a skip reads like a pass.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.sandbox.app import create_app
from infra.sandbox.server import serving
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import ORDERS
from tests.contract.sandbox_vendors import Current, Sandbox

collect_ignore = [] if os.environ.get("CLASSIFY_ENV") else ["test_gemini.py"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Current, str]]:
    current = Current()
    with serving(current) as url:
        yield current, url


@pytest.fixture
async def vendors(server: tuple[Current, str], pool: Pool) -> Sandbox:
    current, url = server
    current.app = create_app()
    sandbox = Sandbox(url, current.app, pool)
    sandbox.seed(ORDERS)
    return sandbox


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()
