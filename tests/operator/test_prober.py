"""The prober on virtual time: bounded, fair, never two of one agent, no room left behind."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

import pytest

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.crd.last_probe import LastProbe, ProbeResult
from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.probe.attempt import Target
from switchboard_operator.probe.prober import Prober
from switchboard_operator.telemetry import make_telemetry
from tests.operator.probe_fakes import FakeProbeRooms, make_prober
from tests.operator.samples import NOW
from tests.support.virtual_time import run_virtual

INTERVAL = 600.0


def key(number: int = 0) -> Key:
    return Key(KeyKind.VOICE_AGENT, "n", f"a{number}")


def target(number: int = 0, revision: str = "r1", **changes: object) -> Target:
    name = f"a{number}"
    dispatch = DispatchMetadata(agent=f"n/{name}", revision=revision, probe=True)
    made = Target(
        "n", name, "t", f"n.{name}", revision, dispatch.model_dump_json(), "rolled", INTERVAL
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type] # fields of Target


def known(revision: str = "r1", result: ProbeResult = ProbeResult.ANSWERED) -> LastProbe:
    return LastProbe(time=NOW, result=result, revision=revision, join_ms=300, greeting_ms=120)


def during(prober: Prober, test: Callable[[], Awaitable[None]]) -> None:
    """Run a test while the prober runs."""

    async def both() -> None:
        running = asyncio.create_task(prober.run())
        await asyncio.sleep(0)
        try:
            await test()
        finally:
            running.cancel()
            await asyncio.wait({running})

    run_virtual(both())


def test_a_new_agent_is_tried_out_at_once_and_then_once_per_interval() -> None:
    rooms = FakeProbeRooms()
    prober, woken = make_prober(rooms)

    async def test() -> None:
        assert prober.watch(key(), target(), None) is None
        await asyncio.sleep(5.0)
        last = prober.watch(key(), target(), None)
        assert last is not None
        assert (last.result, last.join_ms, last.greeting_ms) == (ProbeResult.ANSWERED, 300, 120)
        assert (woken, len(rooms.opened)) == (["n/a0"], 1)
        await asyncio.sleep(10 * INTERVAL)
        assert 10 <= len(rooms.opened) <= 13
        assert woken == ["n/a0"], "the same again is no news"
        assert not rooms.live

    during(prober, test)


def test_a_change_of_revision_or_a_rollout_is_tried_out_at_once() -> None:
    rooms = FakeProbeRooms()
    prober, _ = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(), known())
        prober.watch(key(), target(revision="r2"), known())
        await asyncio.sleep(5.0)
        assert len(rooms.opened) == 1
        prober.watch(key(), target(revision="r2", rollout=""), None)
        await asyncio.sleep(5.0)
        assert len(rooms.opened) == 1, "pods that are being rolled are waited for"
        prober.watch(key(), target(revision="r2", rollout="newer"), None)
        await asyncio.sleep(5.0)
        assert len(rooms.opened) == 2
        prober.watch(key(), target(revision="r2", rollout="newer"), None)
        await asyncio.sleep(5.0)
        assert len(rooms.opened) == 2

    during(prober, test)


def test_a_restart_spreads_the_first_probes_and_writes_nothing() -> None:
    rooms = FakeProbeRooms()
    prober, woken = make_prober(rooms)
    numbers = range(200)
    spread = iter([n / 200 for n in numbers] + [0.5] * 10_000)
    prober.jitter = lambda: next(spread)

    async def test() -> None:
        for number in numbers:
            prober.watch(key(number), target(number), known())
        await asyncio.sleep(INTERVAL / 10)
        assert len(rooms.opened) <= 0.15 * 200
        await asyncio.sleep(INTERVAL)
        assert {agent for _, agent in rooms.opened} == {f"n/a{n}" for n in numbers}
        assert woken == []

    during(prober, test)


def test_a_thousand_new_agents_are_tried_out_few_at_once_and_all_in_their_turn() -> None:
    rooms = FakeProbeRooms()
    prober, woken = make_prober(rooms, at_once=4)

    async def test() -> None:
        for number in range(1000):
            prober.watch(key(number), target(number), None)
        await asyncio.sleep(240.0)
        assert len(rooms.opened) == len(set(woken)) == 1000
        assert rooms.most_live <= 4

    during(prober, test)


def test_an_agent_that_may_not_be_tried_out_is_not_and_is_a_change_when_it_may_again() -> None:
    rooms = FakeProbeRooms()
    prober, _ = make_prober(rooms)

    async def test() -> None:
        prober.pause(key())
        await asyncio.sleep(2 * INTERVAL)
        assert rooms.opened == []
        prober.watch(key(), target(), known())
        await asyncio.sleep(5.0)
        assert len(rooms.opened) == 1
        prober.forget(key())
        await asyncio.sleep(2 * INTERVAL)
        assert len(rooms.opened) == 1

    during(prober, test)


def test_silence_is_told_after_the_second_probe_and_healed_by_the_next_answer() -> None:
    rooms = FakeProbeRooms(absent={"n.a0"})
    prober, woken = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(), known())
        prober.watch(key(), target(rollout="newer"), None)
        await asyncio.sleep(14.0)
        assert woken == [], "one silence is not believed"
        await asyncio.sleep(14.0)
        last = prober.watch(key(), target(rollout="newer"), None)
        assert last is not None
        assert (last.result, last.join_ms) == (ProbeResult.NOT_ANSWERED, None)
        rooms.absent.clear()
        await asyncio.sleep(60.0)
        last = prober.watch(key(), target(rollout="newer"), None)
        assert last is not None
        assert last.result is ProbeResult.ANSWERED
        assert len(woken) == 2

    during(prober, test)


def test_a_worker_that_joins_and_says_nothing_is_told_apart() -> None:
    rooms = FakeProbeRooms(mute=True)
    prober, _ = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(), None)
        await asyncio.sleep(60.0)
        last = prober.watch(key(), target(), None)
        assert last is not None
        assert (last.result, last.join_ms) == (ProbeResult.NOT_ANSWERED, 300)

    during(prober, test)


def test_a_livekit_that_is_away_changes_nothing_and_is_asked_again() -> None:
    rooms = FakeProbeRooms(down=True)
    prober, woken = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(), None)
        await asyncio.sleep(30.0)
        assert woken == []
        rooms.down = False
        await asyncio.sleep(30.0)
        assert woken == ["n/a0"]

    during(prober, test)


def test_stopping_in_the_middle_of_probes_deletes_their_rooms() -> None:
    rooms = FakeProbeRooms(absent={f"n.a{n}" for n in range(9)})
    prober, _ = make_prober(rooms)

    async def test() -> None:
        for number in range(9):
            prober.watch(key(number), target(number), None)
        await asyncio.sleep(4.0)
        assert len(rooms.live) == 4

    during(prober, test)
    assert rooms.live == {}
    assert rooms.closed >= 4


def test_a_room_that_cannot_be_deleted_holds_nothing_up() -> None:
    rooms = FakeProbeRooms(deletes=False)
    prober, woken = make_prober(rooms, at_once=1)

    async def test() -> None:
        for number in range(3):
            prober.watch(key(number), target(number), None)
        await asyncio.sleep(20.0)
        assert sorted(woken) == ["n/a0", "n/a1", "n/a2"]

    during(prober, test)


def test_a_change_during_a_probe_discards_it_and_is_tried_out_next() -> None:
    rooms = FakeProbeRooms(join_seconds=2.0)
    prober, woken = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(), None)
        await asyncio.sleep(2.5)
        assert rooms.live
        prober.watch(key(), target(revision="r2"), None)
        await asyncio.sleep(2.0)
        assert woken == []
        await asyncio.sleep(10.0)
        last = prober.watch(key(), target(revision="r2"), None)
        assert last is not None
        assert last.revision == "r2"
        assert len(rooms.opened) == 2

    during(prober, test)


def test_metrics_are_counted_by_agent_and_go_with_it() -> None:
    telemetry = make_telemetry()
    rooms = FakeProbeRooms()
    prober, _ = make_prober(rooms, telemetry=telemetry)
    labels = 'agent="n/a0",result="answered",tenant="t"'

    async def test() -> None:
        prober.watch(key(), target(), None)
        await asyncio.sleep(5.0)
        text = telemetry.render().decode()
        assert f"switchboard_probe_results_total{{{labels}}} 1.0" in text
        assert 'switchboard_probe_seconds_count{tenant="t"} 1.0' in text
        assert "switchboard_probe_last_answer_timestamp_seconds{" in text
        prober.forget(key())
        assert "n/a0" not in telemetry.render().decode()

    during(prober, test)


def test_a_fault_of_our_own_ends_one_probe_and_not_the_prober(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rooms = FakeProbeRooms()
    prober, woken = make_prober(rooms)

    async def test() -> None:
        prober.watch(key(), target(dispatch="no JSON"), None)
        prober.watch(key(1), target(1), None)
        await asyncio.sleep(5.0)
        assert woken == ["n/a1"]

    during(prober, test)
    assert "probe broke off" in caplog.text


def test_questions_to_language_models_stay_within_their_budget_and_probes_go_on() -> None:
    rooms = FakeProbeRooms(questions=3)
    prober, _ = make_prober(rooms, questions_per_hour=6)
    often = dataclasses.replace(target(), interval_seconds=60.0)

    async def test() -> None:
        prober.watch(key(), often, None)
        await asyncio.sleep(3500)
        assert rooms.asked == 6
        assert len(rooms.opened) > 50
        await asyncio.sleep(3600)
        assert rooms.asked == 12

    during(prober, test)


def test_an_agent_in_trouble_does_not_seem_well_because_its_models_are_not_asked() -> None:
    rooms = FakeProbeRooms(questions=3, fault="llm: NoAnswerError")
    prober, _ = make_prober(rooms, questions_per_hour=6)

    async def test() -> None:
        prober.watch(key(), target(), None)
        await asyncio.sleep(1800)
        assert rooms.asked == 6
        last = prober.watch(key(), target(), None)
        assert last is not None
        assert last.result is ProbeResult.FAILED
        tried = len(rooms.opened)
        await asyncio.sleep(1700)
        assert len(rooms.opened) == tried, "nothing would be learned"
        rooms.fault = ""
        await asyncio.sleep(1800)
        last = prober.watch(key(), target(), None)
        assert last is not None
        assert last.result is ProbeResult.ANSWERED

    during(prober, test)
