"""One control plane for all tests of this folder, apart from the one that others share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.operator.hard.knocks import Knocks, knocked_system


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def knocks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Knocks]:
    async with knocked_system(tmp_path_factory.mktemp("knocks")) as made:
        yield made
