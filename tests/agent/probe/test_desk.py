"""A worker that is tried out: it answers for itself, and its calls do not notice."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from switchboard_agent.probe.checks import Tried
from switchboard_agent.probe.desk import MOST_PROBES, revisions_of
from switchboard_agent.transport.livekit.control import RoomControlError
from switchboard_agent.transport.livekit.room import RoomError
from switchboard_agent.worker.events import OfferLapsed, Terminated
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata, VariantShare
from switchboard_contract.probe import ProbeReport, ProbeState
from tests.agent.live.configs import agent_config
from tests.agent.probe.fakes import FakeProbeRoom
from tests.agent.worker.fakes import Desk, desk, settle

_PATIENCE_SECONDS: Final = 5.0


def probe_metadata(config: AgentConfig) -> str:
    return DispatchMetadata(
        agent=config.key, revision=config.revision, probe=True
    ).model_dump_json()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  fakes set no event of ours
            await asyncio.sleep(0.005)


async def probe(d: Desk, job: str = "P1", metadata: str = "") -> FakeProbeRoom:
    """A probe from its offer to its answer."""
    d.link.offer(job, metadata or probe_metadata(d.config))
    await settle()
    d.link.assign(job)
    room = f"room-{job}"
    await until(lambda: room in d.probes.rooms and bool(d.probes.rooms[room].attributes))
    return d.probes.rooms[room]


async def report_of(d: Desk, job: str = "P1", metadata: str = "") -> ProbeReport:
    report = (await probe(d, job, metadata)).report
    assert report is not None
    return report


async def test_a_probe_is_answered_with_revision_worker_and_time_of_the_greeting() -> None:
    async with desk() as d:
        room = await probe(d)
        report = room.report
        assert report is not None
        assert report.state is ProbeState.ANSWERED
        assert (report.revision, report.worker) == (d.config.revision, "worker-0")
        assert report.greeting_ms is not None
        assert 0 < report.greeting_ms < 1000
        assert not room.left, "the answer stands until the room is closed"
        room.over.set()
        await settle()
        assert room.left
        assert d.link.said == ["accept P1 as agent-P1", "running P1", "ended P1"]
        assert d.probes.results == ["answered"]


async def test_a_probe_takes_no_slot_no_quota_and_no_number() -> None:
    async with desk(max_calls=1, concurrent_calls=1) as d:
        call = await d.serve("J1")
        room = await probe(d)
        assert (d.admission.held, d.quota.held, d.link.status.jobs) == (1, {"J1"}, 1)
        assert sum(d.worker.calls_by_agent().values()) == 1
        assert room.report is not None
        assert d.refusals == []
        room.over.set()
        call.over.set()
        await settle()
        d.offer("J2")
        await settle()
        assert d.link.said[-1] == "accept J2 as agent-J2"


async def test_no_more_than_a_few_probes_at_once() -> None:
    async with desk() as d:
        for number in range(MOST_PROBES + 1):
            d.link.offer(f"P{number}", probe_metadata(d.config))
        await settle()
        assert d.link.said[-1] == f"decline P{MOST_PROBES}"
        assert d.probes.results == ["refused"]
        d.link.emit(OfferLapsed("P0"))
        await settle()
        d.link.offer("P9", probe_metadata(d.config))
        await settle()
        assert d.link.said[-1] == "accept P9 as agent-P9"


async def test_a_worker_that_is_late_or_leaves_is_not_probed() -> None:
    async with desk(drain_seconds=60.0) as d:
        transport = await d.serve("J1")
        d.strain = 2.0
        d.link.offer("P1", probe_metadata(d.config))
        await settle()
        d.strain = 0.0
        d.stop.set()
        await settle()
        d.link.offer("P2", probe_metadata(d.config))
        await settle()
        assert d.link.said[-2:] == ["decline P1", "decline P2"]
        assert d.refusals == [], "no caller was refused"
        transport.over.set()


async def test_a_revision_that_is_not_loaded_is_said_not_hidden() -> None:
    async with desk() as d:
        unseen = agent_config(greeting="Brand new.")
        report = await report_of(d, metadata=probe_metadata(unseen))
        assert (report.state, report.fault) == (ProbeState.FAILED, "revision: not loaded")
        assert report.greeting_ms is None
        d.source.hidden[unseen.revision] = unseen
        again = await report_of(d, "P2", probe_metadata(unseen))
        assert again.state is ProbeState.ANSWERED


async def test_every_variant_is_tried() -> None:
    other = agent_config(greeting="The other way.")
    async with desk() as d:
        shares = [VariantShare(name="b", revision=other.revision, weight=50)]
        metadata = DispatchMetadata(
            agent=d.config.key, revision=d.config.revision, variants=shares, probe=True
        ).model_dump_json()
        missing = await report_of(d, metadata=metadata)
        assert missing.fault == "revision: not loaded"
        await d.revisions.put("b", other.to_json())
        assert (await report_of(d, "P2", metadata)).state is ProbeState.ANSWERED
        assert len(d.probes.stt.utterances) == 2


async def test_models_that_others_stand_in_for_are_named_and_questions_counted() -> None:
    async def check(_: AgentConfig) -> Tried:
        return Tried(questions=2, down=("own (silent)",))

    async with desk() as d:
        d.probes.models["llm"] = check
        report = await report_of(d)
        assert report.state is ProbeState.ANSWERED
        assert (report.down, report.questions, report.models_asked) == ("own (silent)", 2, True)


async def test_models_are_not_asked_where_the_budget_is_used_up() -> None:
    async def check(_: AgentConfig) -> Tried:
        raise AssertionError("asked")

    async with desk() as d:
        d.probes.models["llm"] = check
        spared = DispatchMetadata(
            agent=d.config.key, revision=d.config.revision, probe=True, ask_models=False
        )
        report = await report_of(d, metadata=spared.model_dump_json())
        assert report.state is ProbeState.ANSWERED
        assert (report.questions, report.models_asked) == (0, False)


async def test_what_fails_is_named_without_its_words() -> None:
    async with desk() as d:
        d.probes.stt.texts = [RuntimeError("the caller said secret")]
        report = await report_of(d)
        assert (report.state, report.fault) == (ProbeState.FAILED, "stt: SpeechToTextError")
        assert report.greeting_ms is not None, "the greeting was there"
        d.probes.tts.failures = 2
        silent = await report_of(d, "P2")
        assert silent.fault == "greeting: TextToSpeechError; tts: TextToSpeechError"
        assert silent.greeting_ms is None
        assert d.probes.results == ["failed", "failed"]


async def test_a_room_that_cannot_be_joined_or_spoken_to_ends_the_job_with_a_reason() -> None:
    async with desk() as d:
        d.probes.join_error = RoomError("join refused")
        d.link.offer("P1", probe_metadata(d.config))
        await settle()
        d.link.assign("P1")
        await settle()
        assert d.link.said[-1] == "ended P1 join refused"
        d.probes.join_error = None
        deaf = d.probes.rooms["room-P2"] = FakeProbeRoom()
        deaf.error = RoomControlError("attributes were not set")
        d.link.offer("P2", probe_metadata(d.config))
        await settle()
        d.link.assign("P2")
        await until(lambda: deaf.left)
        await settle()
        assert d.link.said[-1] == "ended P2 attributes were not set"
        assert d.probes.results == ["unheard", "unheard"]


async def test_termination_by_the_server_ends_the_stay() -> None:
    async with desk() as d:
        room = await probe(d)
        d.link.emit(Terminated("P1"))
        await settle()
        assert room.left


async def test_a_drain_that_is_over_ends_the_stay_too() -> None:
    async with desk(drain_seconds=0.01) as d:
        room = await probe(d)
        d.stop.set()
        await until(lambda: room.left)
        assert d.link.said[-1] == "ended P1 ended while draining"


async def test_nothing_of_a_probe_stays_with_the_providers() -> None:
    async with desk() as d:
        room = await probe(d)
        room.over.set()
        await settle()
        assert (d.probes.stt.open_streams, d.probes.tts.open_streams) == (0, 0)


def test_the_revisions_of_a_dispatch_are_named_once_the_main_one_first() -> None:
    shares = [VariantShare(name=name, revision=name, weight=10) for name in ("b", "a", "b")]
    found = revisions_of(DispatchMetadata(agent="n/a", revision="a", variants=shares, probe=True))
    assert [(d.revision, d.probe) for d in found] == [("a", False), ("b", False)]


@pytest.mark.parametrize(
    "report",
    [
        ProbeReport(ProbeState.ANSWERED, "0123456789", "w", 12),
        ProbeReport(ProbeState.FAILED, "0123456789", "w", None, "stt: TimeoutError"),
        ProbeReport(ProbeState.ANSWERED, "0123456789", "w", 12, "", "own (silent)", 2),
        ProbeReport(ProbeState.ANSWERED, "0123456789", "w", 12, models_asked=False),
    ],
)
def test_a_report_survives_the_way_through_attributes(report: ProbeReport) -> None:
    assert ProbeReport.from_attributes(report.attributes()) == report


def test_attributes_that_are_no_report_are_none() -> None:
    assert ProbeReport.from_attributes({}) is None
    assert ProbeReport.from_attributes({"switchboard.probe.state": "odd"}) is None
