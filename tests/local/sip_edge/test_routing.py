"""The lists of trunks and rules: fresh enough, read once for a burst, missed when LiveKit is."""

import asyncio

import pytest

from switchboard_contract.sip_routing import DispatchRule, InboundTrunk, Invite, Refusal, Route
from switchboard_local.sip_edge.livekit_tables import Tables
from switchboard_local.sip_edge.routing import FRESH_S, Routing, RoutingUnavailableError
from tests.support.virtual_time import run_virtual

INVITE = Invite("+1", "+2")
FULL: Tables = (
    [InboundTrunk(id="ST_a", numbers=("+1",))],
    [DispatchRule(id="SDR_a", trunk_ids=("ST_a",))],
)


class Source:
    """LiveKit as a list that a test changes."""

    def __init__(self) -> None:
        self.tables: Tables = ([], [])
        self.reads = 0
        self.takes_s = 0.1
        self.broken = False

    async def read(self) -> Tables:
        self.reads += 1
        await asyncio.sleep(self.takes_s)  # virtual time
        if self.broken:
            raise OSError("refused")
        return self.tables


def routing(source: Source) -> Routing:
    return Routing(source.read, asyncio.get_running_loop().time)


def test_a_burst_of_calls_costs_one_read() -> None:
    async def main() -> int:
        source = Source()
        source.tables = FULL
        one = routing(source)
        found = await asyncio.gather(*(one.decide(INVITE) for _ in range(20)))
        assert all(isinstance(decision, Route) for decision in found)
        await asyncio.sleep(FRESH_S / 2)
        await one.decide(INVITE)
        return source.reads

    assert run_virtual(main()) == 1


def test_what_was_read_a_while_ago_is_read_again() -> None:
    async def main() -> int:
        source = Source()
        source.tables = FULL
        one = routing(source)
        await one.decide(INVITE)
        await asyncio.sleep(FRESH_S * 2)
        await one.decide(INVITE)
        return source.reads

    assert run_virtual(main()) == 2


def test_a_refusal_is_checked_on_fresh_lists() -> None:
    async def main() -> None:
        source = Source()
        one = routing(source)
        assert isinstance(await one.decide(INVITE), Refusal)
        source.tables = FULL
        assert isinstance(await one.decide(INVITE), Route)

    run_virtual(main())


@pytest.mark.parametrize("slow", [False, True])
def test_livekit_out_of_reach_is_an_error_of_its_own(*, slow: bool) -> None:
    async def main() -> None:
        source = Source()
        source.broken, source.takes_s = not slow, 60.0 if slow else 0.1
        with pytest.raises(RoutingUnavailableError):
            await routing(source).decide(INVITE)

    run_virtual(main())
