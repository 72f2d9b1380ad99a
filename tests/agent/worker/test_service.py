"""From offer to freed slot: every promise is kept or given back, every refusal is said aloud."""

import asyncio

import pytest

from switchboard_agent.admission import RefusalReason
from switchboard_agent.worker.events import OfferLapsed, Terminated
from switchboard_agent.worker.refusal import RefusalDesk
from tests.agent.live.configs import agent_config, dispatch_metadata
from tests.agent.worker.fakes import BROKEN_ROOM, desk, settle


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused callers are told without the time that other workers get."""

    async def at_once(self: RefusalDesk, room: str, reason: RefusalReason) -> None:
        await self._settled(room)
        del reason

    monkeypatch.setattr(RefusalDesk, "tell_caller", at_once)


async def test_a_call_is_accepted_served_reported_and_its_slot_freed() -> None:
    async with desk() as d:
        transport = await d.serve("J1")
        assert d.engine.serving == 1
        assert (d.link.status.jobs, d.admission.held) == (1, 1)
        transport.over.set()
        await settle()
        assert d.link.said == ["accept J1 as agent-J1", "running J1", "ended J1"]
        assert (d.link.status.jobs, d.admission.held) == (0, 0)
        assert transport.hung_up >= 1


async def test_slot_is_taken_by_the_promise_not_by_the_call() -> None:
    async with desk(max_calls=1) as d:
        d.offer("J1")
        d.offer("J2")
        await settle()
        assert d.link.said == ["accept J1 as agent-J1", "decline J2"]
        assert d.refusals == [RefusalReason.FULL]
        assert d.control.done == ["remove sip-room-J2 from room-J2"]


async def test_lapsed_promise_frees_slot_and_quota() -> None:
    async with desk(max_calls=1, concurrent_calls=1) as d:
        d.offer("J1")
        await settle()
        assert d.quota.held == {"J1"}
        d.link.emit(OfferLapsed("J1"))
        await settle()
        assert (d.admission.held, d.quota.held) == (0, set())
        d.offer("J2")
        await settle()
        assert d.link.said[-1] == "accept J2 as agent-J2"


async def test_offer_whose_connection_is_gone_holds_nothing() -> None:
    async with desk(concurrent_calls=5) as d:
        d.offer("J1")
        d.link.open_offers.clear()
        await settle()
        assert (d.admission.held, d.quota.held) == (0, set())


async def test_over_quota_no_other_worker_is_asked() -> None:
    async with desk(max_calls=5, concurrent_calls=1) as d:
        transport = await d.serve("J1")
        d.offer("J2")
        await settle()
        assert d.link.said[-1] == "decline J2 for all"
        assert d.refusals == [RefusalReason.QUOTA]
        assert d.admission.held == 1
        transport.over.set()
        await settle()
        assert d.quota.held == set()


async def test_revision_not_seen_yet_is_looked_for_once_then_refused() -> None:
    async with desk() as d:
        unseen = agent_config(greeting="Brand new.")
        d.link.offer("J1", dispatch_metadata(unseen))
        await settle()
        assert d.refusals == [RefusalReason.UNKNOWN_REVISION]
        d.source.hidden[unseen.revision] = unseen
        d.link.offer("J2", dispatch_metadata(unseen))
        await settle()
        assert d.link.said[-1] == "accept J2 as agent-J2"
        assert d.source.looks == 2


@pytest.mark.parametrize("metadata", ["", "{}", "nonsense", '{"agent": 3}'])
async def test_dispatch_that_is_not_ours_is_declined(metadata: str) -> None:
    async with desk() as d:
        d.link.offer("J1", metadata)
        await settle()
        assert d.link.said == ["decline J1"]
        assert d.admission.held == 0


async def test_room_that_cannot_be_joined_fails_the_job_and_tells_the_caller() -> None:
    async with desk() as d:
        d.join_error = BROKEN_ROOM
        d.offer("J1")
        await settle()
        d.link.assign("J1")
        await settle()
        assert d.link.said[-1] == "ended J1 join refused"
        assert d.control.done == ["delete room-J1"]
        assert d.admission.held == 0


async def test_broken_engine_harms_one_call_only(caplog: pytest.LogCaptureFixture) -> None:
    async with desk() as d:
        first = await d.serve("J1")
        d.engine.broken = True
        second = await d.serve("J2")
        assert d.link.said[-1] == "ended J2 internal error while serving"
        assert second.hung_up == 1
        assert d.engine.serving == 1
        first.over.set()
    assert "call broke off" in caplog.text


async def test_termination_by_the_server_ends_the_call() -> None:
    async with desk() as d:
        await d.serve("J1")
        d.link.emit(Terminated("J1"))
        d.link.emit(Terminated("J-unknown"))
        await settle()
        assert d.engine.serving == 0


async def test_drain_refuses_new_calls_and_waits_for_the_last() -> None:
    async with desk(drain_seconds=60.0) as d:
        transport = await d.serve("J1")
        d.stop.set()
        await settle()
        assert d.link.status.draining
        d.offer("J2")
        await settle()
        assert d.refusals == [RefusalReason.DRAINING]
        assert d.engine.serving == 1
        transport.over.set()
        await settle()
        assert d.link.said[-1] == "ended J1"


async def test_drain_waits_for_promised_calls_too() -> None:
    async with desk(drain_seconds=60.0) as d:
        d.offer("J1")
        await settle()
        d.stop.set()
        await settle()
        d.link.assign("J1")
        await settle()
        assert d.engine.serving == 1
        d.transports["J1"].over.set()


async def test_calls_that_outlive_the_drain_time_are_hung_up() -> None:
    async with desk(drain_seconds=0.01) as d:
        transport = await d.serve("J1")
        d.stop.set()
        await asyncio.sleep(0.05)
        assert transport.hung_up >= 1
        assert d.link.said[-1] == "ended J1 hung up while draining"
        assert d.admission.held == 0


async def test_a_slot_is_held_until_caller_and_human_have_parted() -> None:
    async with desk() as at:
        transport = await at.serve("a")
        transport.parted.clear()
        transport.over.set()
        await settle()
        assert at.engine.serving == 0
        assert at.admission.held == 1
        assert transport.hung_up == 0
        transport.parted.set()
        await settle()
        assert at.admission.held == 0
        assert transport.hung_up == 1
