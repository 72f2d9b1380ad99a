"""Whole runs: SIPp against a called party whose behaviour is known, and the figures that come out.

flite and SIPp run for real; the called party is `canned_agent`. What it does is the truth that the
figures are held against.
"""

from pathlib import Path

import pytest

from switchboard_loadtest import caller_script, report, sip_scenario
from switchboard_loadtest import run as run_module
from switchboard_loadtest.capture import PacketSocketDeniedError
from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.flite import Flite
from switchboard_loadtest.listening_call import call
from switchboard_loadtest.reactive import ReactiveCaller
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.signalling import EndedBy
from switchboard_loadtest.sipp import Target
from switchboard_loadtest.wav import stereo
from switchboard_media.codec import G722, PCMU, Codec
from tests.loadtest.canned_agent import NUMBER, CannedAgent, Manner, canned_agent

pytestmark = pytest.mark.integration

_TALK = """
hang_up_ms = 4400
[[says]]
at_ms = 900
text = "what are your opening hours"
[[says]]
at_ms = 3000
text = "no wait"
barge_in = true
"""
_THINK_MS = 200
_STOP_MS = 100
_TWO_RUNS_MS = 60
"""Either run has its own frame of 20 ms to either side, and a busy machine its delays."""
_TOLERANCE_MS = 100
"""Five packets of the called party's own rules (it counts whole packets), on a busy machine."""


async def _run(
    agent: CannedAgent,
    folder: Path,
    *,
    text: str = _TALK,
    codec: Codec = G722,
    calls: int = 1,
    user: str = "",
) -> Run:
    target = Target("127.0.0.1", agent.port, NUMBER, user, "secret")
    script = caller_script.parse(text, "test")
    return await run(Settings(target, script, codec, calls, 10, folder / "run", folder / "speech"))


@pytest.mark.parametrize("codec", [G722, PCMU], ids=lambda codec: codec.name)
async def test_figures_are_what_the_called_party_did(codec: Codec, tmp_path: Path) -> None:
    async with canned_agent(Manner(ring_s=0.1, reply_s=2.0)) as agent:
        done = await _run(agent, tmp_path, codec=codec, calls=3)
    facts = report.summary(done)
    assert facts["calls"] == {"placed": 3, "answered": 3, "completed": 3}
    assert facts["answer_ms"]["p50"] == pytest.approx(100, abs=_TOLERANCE_MS)
    assert facts["turn_latency_ms"]["samples"] == 6
    assert facts["turn_latency_ms"]["p95"] == pytest.approx(_THINK_MS, abs=_TOLERANCE_MS)
    assert facts["barge_in_stop_ms"]["samples"] == 3
    assert facts["barge_in_stop_ms"]["p95"] == pytest.approx(_STOP_MS, abs=_TOLERANCE_MS)
    assert facts["rtp"]["lost"] == 0
    assert sorted(agent.test_ids) == sorted(call.view.leg.call_id for call in done.calls)


async def test_without_the_right_to_capture_send_times_are_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PacketSocketDeniedError

    async with canned_agent(Manner(reply_s=0.5)) as agent:
        captured = await _run(agent, tmp_path / "a")
        monkeypatch.setattr(run_module, "capturing", denied)
        derived = await _run(agent, tmp_path / "b")
    assert not derived.captured
    (seen,), (planned,) = captured.calls, derived.calls
    for exact, other in zip(seen.view.turns, planned.view.turns, strict=True):
        assert exact.latency_ms is not None
        assert other.latency_ms == pytest.approx(exact.latency_ms, abs=_TWO_RUNS_MS)


async def test_the_called_party_may_hang_up_first(tmp_path: Path) -> None:
    async with canned_agent(Manner(reply_s=0.2, hang_up_after_replies=1)) as agent:
        done = await _run(agent, tmp_path)
    assert done.calls[0].view.leg.ended_by is EndedBy.AGENT
    assert done.calls[0].completed


async def test_a_challenge_is_answered(tmp_path: Path) -> None:
    async with canned_agent(Manner(digest=True)) as agent:
        done = await _run(agent, tmp_path, text="hang_up_ms = 300", user="someone")
    assert done.calls[0].view.answered
    assert agent.received[:4] == ["INVITE", "ACK", "INVITE", "ACK"]


async def test_a_wrong_number_is_refused(tmp_path: Path) -> None:
    text = (caller_script.CALLERS / "wrong_number.toml").read_text()
    async with canned_agent(Manner()) as agent:
        done = await _run(agent, tmp_path, text=text)
    assert done.calls[0].view.leg.final_status == 404
    assert done.calls[0].completed


async def test_a_caller_that_gives_up_is_let_go(tmp_path: Path) -> None:
    text = (caller_script.CALLERS / "cancel.toml").read_text()
    async with canned_agent(Manner(ring_s=5, answers=False)) as agent:
        done = await _run(agent, tmp_path, text=text)
    assert done.calls[0].view.leg.final_status == 487
    assert done.calls[0].completed


async def test_a_call_that_rings_for_ever_is_given_up_and_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_scenario, "ANSWER_TIMEOUT_MS", 1500)
    async with canned_agent(Manner(answers=False)) as agent:
        done = await _run(agent, tmp_path, text="hang_up_ms = 300")
    assert "was not answered" in done.calls[0].failure


async def test_keys_arrive_as_telephone_events(tmp_path: Path) -> None:
    text = 'hang_up_ms = 2500\n[[says]]\nat_ms = 500\nkeys = "42"\n'
    async with canned_agent(Manner()) as agent:
        await _run(agent, tmp_path, text=text, codec=PCMU)
        (call,) = agent.calls.values()
    assert call.keys == {4, 2}


async def test_a_caller_without_sound_sends_no_packet(tmp_path: Path) -> None:
    async with canned_agent(Manner()) as agent:
        await _run(agent, tmp_path, text="hang_up_ms = 500\nsends_rtp = false")
        (call,) = agent.calls.values()
    assert call.packets == 0


async def test_a_call_that_nobody_answers_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    async with canned_agent(Manner()) as agent:
        done = await _run(agent, tmp_path, text='number = "+15559999"\nhang_up_ms = 500')
    assert report.summary(done)["calls"] == {"placed": 1, "answered": 0, "completed": 0}
    assert "was not answered (final answer 404)" in done.calls[0].failure


async def test_both_sides_are_in_the_stereo_sound(tmp_path: Path) -> None:
    async with canned_agent(Manner()) as agent:
        done = await _run(agent, tmp_path)
    samples = stereo(done.calls[0].view, done.track)
    assert samples.shape[1] == 2
    assert samples.shape[0] == pytest.approx(4.4 * 16_000, rel=0.05)
    assert abs(samples).max(axis=0).min() > 2000


async def test_an_address_that_cannot_be_listened_on_is_said_so(tmp_path: Path) -> None:
    script = caller_script.parse("hang_up_ms = 500", "test")
    settings = Settings(
        Target("255.255.255.255", 5060, NUMBER), script, G722, 1, 1, tmp_path, tmp_path
    )
    with pytest.raises((LoadTestError, OSError)):
        await run(settings)


async def test_a_caller_that_listens_gets_the_same_figures(tmp_path: Path) -> None:
    script = caller_script.parse(_TALK, "test")
    async with canned_agent(Manner(digest=True, reply_s=2.5)) as agent:
        target = Target("127.0.0.1", agent.port, NUMBER, "someone", "secret")
        caller = ReactiveCaller(script, Flite(tmp_path).say)
        seen, track = await call(target, caller, G722)
    assert seen.leg.ended_by is EndedBy.CALLER
    assert [turn.latency_ms for turn in seen.turns] == [
        pytest.approx(_THINK_MS, abs=_TOLERANCE_MS) for _ in track.spoken
    ]
    assert seen.barge_ins[0].stop_ms == pytest.approx(_STOP_MS, abs=_TOLERANCE_MS)
