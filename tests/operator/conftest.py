"""One control plane, LiveKit and operator for all integration tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.operator.read_only import read_only_store
from tests.operator.system import System, running_system


@pytest.fixture(autouse=True, scope="session")
def nobody_changes_what_is_stored() -> Iterator[None]:
    """See `read_only`."""
    with read_only_store():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Everything but the operator."""
    async with running_system(tmp_path_factory.mktemp("operator")) as system:
        yield system


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(bare_system: System) -> System:
    """Everything, with an operator that leads."""
    await bare_system.start_operator()
    return bare_system
