"""An edge on a real LiveKit, and numbers that lead to rooms."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict
from livekit import api
from livekit.rtc._ffi_client import FfiClient

from switchboard_local.servers import LiveKitServer, RedisServer
from tests.local.sip_edge.edge_process import EdgeProcess, edge_process

_COUNTER = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Line:
    """A number with its trunk, rule and room."""

    number: str
    trunk: str
    rule: str
    room: str


MakeLine = Callable[..., Awaitable[Line]]


@pytest.fixture(scope="session", autouse=True)
def _native_library_ends_first() -> Iterator[None]:
    """End the rtc SDK while the interpreter lives.

    A native thread that calls back while the interpreter ends aborts the test run.
    """
    yield
    if FfiClient._instance is not None:
        FfiClient._instance._dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(livekit: LiveKitServer, redis: RedisServer) -> AsyncIterator[EdgeProcess]:
    """An edge for all tests that do not need one of their own."""
    options = ["--media-timeout-initial", "4", "--media-timeout", "3", "--redis-url", redis.url]
    async with edge_process(livekit, options) as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit_api(livekit: LiveKitServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(livekit.http_url, livekit.api_key, livekit.api_secret) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def make_line(livekit_api: api.LiveKitAPI) -> AsyncIterator[MakeLine]:
    """Give a test numbers of its own; what was made for it is deleted after it."""
    made: list[Line] = []

    async def make(
        *, agents: tuple[str, ...] = (), with_rule: bool = True, **trunk: object
    ) -> Line:
        count = next(_COUNTER)
        number, room = f"+1555020{count:04d}", f"edge-test-{count}"
        wanted = api.SIPInboundTrunkInfo(name=f"edge-test-{count}", numbers=[number])
        ParseDict(trunk, wanted)
        created = await livekit_api.sip.create_inbound_trunk(
            api.CreateSIPInboundTrunkRequest(trunk=wanted)
        )
        rule_id = ""
        if with_rule:
            rule_id = await _rule(livekit_api, created.sip_trunk_id, room, agents)
        line = Line(number, created.sip_trunk_id, rule_id, room)
        made.append(line)
        return line

    yield make
    for line in made:
        if line.rule:
            await livekit_api.sip.delete_dispatch_rule(
                api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=line.rule)
            )
        await livekit_api.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=line.trunk))


async def _rule(client: api.LiveKitAPI, trunk: str, room: str, agents: tuple[str, ...]) -> str:
    config = api.RoomConfiguration(
        departure_timeout=2,
        agents=[api.RoomAgentDispatch(agent_name=name, metadata="{}") for name in agents],
    )
    direct = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name=room))
    info = api.SIPDispatchRuleInfo(
        name=room, rule=direct, trunk_ids=[trunk], metadata='{"of": "test"}', room_config=config
    )
    created = await client.sip.create_dispatch_rule(
        api.CreateSIPDispatchRuleRequest(dispatch_rule=info)
    )
    return created.sip_dispatch_rule_id
