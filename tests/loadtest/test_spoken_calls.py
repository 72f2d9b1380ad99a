"""Callers of every kind, all at once, at a real SIP edge, LiveKit and one worker process.

Good callers get their booking while others are silent, noisy, rude or lost; each of those ends in a
typed outcome, and the worker lives on.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from switchboard_contract.call_events import Outcome
from switchboard_loadtest import caller_script, report
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.outcome import CallResult
from switchboard_loadtest.run import Run, Settings, run
from tests.loadtest.small_system import SmallSystem, small_system

pytestmark = pytest.mark.integration

_CALLERS = (
    ("booking", "G722"),
    ("booking_keys", "PCMU"),
    ("hang_up_mid_word", "G722"),
    ("silent", "G722"),
    ("noise", "G722"),
    ("no_rtp", "G722"),
    ("cancel", "PCMU"),
    ("wrong_number", "G722"),
)


@dataclass(frozen=True, slots=True)
class _Evening:
    """What became of all callers, and of the system."""

    runs: dict[str, Run]
    worker_lives: bool
    edge_log: str

    def call(self, name: str) -> CallResult:
        (call,) = self.runs[name].calls
        return call


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> _Evening:
    return asyncio.run(_all_callers(tmp_path_factory.mktemp("evening")))


async def _all_callers(folder: Path) -> _Evening:
    async with small_system(folder) as system:
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(_caller(system, folder, number, name, codec))
                for number, (name, codec) in enumerate(_CALLERS)
            }
        worker_lives = await system.worker.part.probe.why_not_ready() is None
    log = (folder / "logs" / f"{system.edge.part.name}.log").read_text()
    return _Evening({name: task.result() for name, task in tasks.items()}, worker_lives, log)


async def _caller(system: SmallSystem, folder: Path, number: int, name: str, codec: str) -> Run:
    return await run(
        Settings(
            target=system.target,
            script=caller_script.load(name),
            codec=codec_by_name(codec),
            calls=1,
            calls_per_second=1,
            folder=folder / name,
            speech_cache=folder.parent / "speech",
            redis_url=system.redis_url,
            first_caller=15_551_000_001 + number,
        )
    )


@pytest.mark.parametrize("name", [name for name, _ in _CALLERS])
def test_every_caller_ends_as_its_script_says(evening: _Evening, name: str) -> None:
    assert evening.call(name).failure == ""


def test_the_booking_is_what_the_caller_asked_for_after_an_interruption_and_a_correction(
    evening: _Evening,
) -> None:
    call = evening.call("booking")
    assert call.agent is not None
    assert call.agent.ended is not None
    assert call.agent.ended.slots == {
        "name": "Sarah Johnson",
        "day": "wednesday",
        "time": "15:00",
        "phone": "5551234",
    }
    assert call.word_errors.rate <= 0.08
    assert len(report.barge_in_stops([call])) == 2
    assert len(report.turn_latencies([call])) == 8


def test_keyed_digits_book_where_spoken_ones_are_not_understood(evening: _Evening) -> None:
    call = evening.call("booking_keys")
    assert call.agent is not None
    assert call.agent.ended is not None
    assert call.agent.ended.slots["phone"] == "9027681"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("booking", Outcome.COMPLETED),
        ("hang_up_mid_word", Outcome.CALLER_HUNG_UP),
        ("silent", Outcome.NO_INPUT),
        ("noise", Outcome.NO_INPUT),
    ],
)
def test_each_end_has_its_typed_outcome(evening: _Evening, name: str, outcome: Outcome) -> None:
    call = evening.call(name)
    assert call.agent is not None
    assert call.agent.ended is not None
    assert call.agent.ended.outcome is outcome


def test_a_caller_without_sound_is_given_up_with_a_logged_reason(evening: _Evening) -> None:
    call_id = evening.call("no_rtp").view.leg.call_id
    told = [line for line in evening.edge_log.splitlines() if call_id in line]
    assert any("media-timeout" in line for line in told), told


def test_the_worker_lives_on(evening: _Evening) -> None:
    assert evening.worker_lives
