"""What a worker does with a lost call that it was given: serve it like its own, or end it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from switchboard_agent.clock import LoopClock
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.recovery.base import NoKeeper
from switchboard_agent.recovery.book import Claim
from switchboard_agent.recovery.rescue import RescueParts
from switchboard_agent.telemetry import Telemetry
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.call_events import CallEnded, Outcome
from switchboard_contract.recovery import EPOCH_STRIDE, CallSnapshot, ScriptMemory
from tests.agent.live.configs import agent_config
from tests.agent.worker.fakes import BROKEN_ROOM, Desk, desk, settle


class Rescue:
    """The parts of a rescuer, and what came of them."""

    def __init__(self) -> None:
        self.records = MemoryRecorder()
        self.telemetry = Telemetry()
        self.put_back: list[Claim] = []
        self.parts = RescueParts(
            keeper=NoKeeper(),
            records=self.records,
            telemetry=self.telemetry,
            clock=LoopClock(),
            token=lambda room, identity: f"{identity} into {room}",
            put_back=self._put_back,
        )

    async def _put_back(self, claim: Claim) -> None:
        self.put_back.append(claim)

    def count(self, outcome: str) -> float:
        labels = {"outcome": outcome}
        name = "switchboard_calls_recovered_total"
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0

    @property
    def end(self) -> CallEnded:
        (event,) = self.records.events
        assert isinstance(event, CallEnded)
        return event


@asynccontextmanager
async def rescuer(
    *, max_calls: int = 2, drain_seconds: float = 0.0, concurrent_calls: int | None = None
) -> AsyncIterator[tuple[Desk, Rescue]]:
    rescue = Rescue()
    async with desk(
        max_calls=max_calls,
        drain_seconds=drain_seconds,
        concurrent_calls=concurrent_calls,
        rescue=rescue.parts,
    ) as made:
        yield made, rescue


def claim_of(config: AgentConfig, *, overdue: bool = False, text: str | None = None) -> Claim:
    snapshot = CallSnapshot(
        call_id="SCL_1",
        job_id="AJ_1",
        room="room-1",
        dispatch=DispatchMetadata(agent=config.key, revision=config.revision),
        started_unix_ms=0,
        dialog=ScriptMemory(stage="asking", values={"day": "monday"}, finished="booking"),
    )
    return Claim("SCL_1", 2, 150, overdue, text or snapshot.model_dump_json(by_alias=True))


async def test_a_rescued_call_is_served_with_a_slot_and_the_places_of_its_tenant() -> None:
    async with rescuer(concurrent_calls=5) as (d, rescue):
        d.worker.take_up(claim_of(d.config))
        await settle()
        assert d.engine.serving == 1
        assert d.admission.held == 1
        assert d.quota.held == {"AJ_1"}
        assert d.worker.calls_by_agent() == {d.config.key: 1}
        assert d.link.status.jobs == 1
        assert rescue.count("recovered") == 1
        d.transports["AJ_1"].over.set()
        await settle()
        assert d.admission.held == 0
        assert d.quota.held == set()
        assert d.link.status.jobs == 0
        assert not d.worker.calls_by_agent()
        assert rescue.records.events == []


async def test_a_drain_waits_for_rescued_calls() -> None:
    async with rescuer(drain_seconds=60) as (d, _):
        d.worker.take_up(claim_of(d.config))
        await settle()
        d.stop.set()
        await settle()
        assert d.engine.serving == 1
        assert d.worker.places_for_rescues() == 0
        d.transports["AJ_1"].over.set()


async def test_a_late_event_loop_does_not_keep_a_caller_in_silence() -> None:
    async with rescuer() as (d, _):
        d.strain = 2.0
        d.worker.take_up(claim_of(d.config))
        await settle()
        assert d.engine.serving == 1
        d.transports["AJ_1"].over.set()


async def test_a_caller_who_has_left_ends_the_call_with_what_was_known() -> None:
    async with rescuer() as (d, rescue):
        d.control.empty.add("room-1")
        d.worker.take_up(claim_of(d.config))
        await settle()
    assert (rescue.end.outcome, rescue.end.result) == (Outcome.WORKER_LOST, "booking")
    assert rescue.end.slots == {"day": "monday"}
    assert rescue.end.sequence == 2 * EPOCH_STRIDE
    assert d.control.done == []
    assert rescue.count("caller_gone") == 1
    assert d.admission.held == 0


async def test_a_call_that_waited_too_long_is_ended_and_its_caller_put_out() -> None:
    async with rescuer() as (d, rescue):
        d.worker.take_up(claim_of(d.config, overdue=True))
        await settle()
    assert rescue.end.outcome is Outcome.WORKER_LOST
    assert d.control.done == ["remove sip-room-1 from room-1"]
    assert rescue.count("no_place") == 1


async def test_a_full_worker_gives_the_call_back() -> None:
    async with rescuer(max_calls=1) as (d, rescue):
        d.admission.reserve("other")
        claim = claim_of(d.config)
        d.worker.take_up(claim)
        await settle()
    assert rescue.put_back == [claim]
    assert rescue.records.events == []


async def test_a_room_that_cannot_be_joined_ends_the_call() -> None:
    async with rescuer() as (d, rescue):
        d.join_error = BROKEN_ROOM
        d.worker.take_up(claim_of(d.config))
        await settle()
    assert rescue.end.outcome is Outcome.WORKER_LOST
    assert rescue.count("failed") == 1
    assert "delete room-1" in d.control.done


async def test_a_revision_that_nobody_has_ends_the_call() -> None:
    async with rescuer() as (d, rescue):
        d.worker.take_up(claim_of(agent_config(greeting="Another one.")))
        await settle()
    assert rescue.count("failed") == 1
    assert d.control.done == ["remove sip-room-1 from room-1"]


async def test_a_snapshot_of_another_version_ends_the_call() -> None:
    async with rescuer() as (d, rescue):
        d.worker.take_up(claim_of(d.config, text='{"schemaVersion": 2}'))
        await settle()
    assert rescue.end.outcome is Outcome.WORKER_LOST


async def test_a_rescued_call_can_be_let_go_of_again() -> None:
    async with rescuer() as (d, rescue):
        d.worker.take_up(claim_of(d.config))
        await settle()
        d.worker.let_go("AJ_1")
        await settle()
        assert d.engine.serving == 0
    assert rescue.records.events == []
