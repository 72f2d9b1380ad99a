"""Results of calls that never took place, with figures that a test knows."""

from pathlib import Path

import numpy as np

from switchboard_contract.call_events import (
    CallEnded,
    CallEvent,
    CallStarted,
    Outcome,
    ReplySpoken,
    TurnHeard,
)
from switchboard_loadtest.agent_events import AgentView
from switchboard_loadtest.caller_script import CallerScript, Expected, Says
from switchboard_loadtest.caller_speech import CallerTrack
from switchboard_loadtest.caller_view import CallerView
from switchboard_loadtest.cpu import CpuUse
from switchboard_loadtest.hearing import listen
from switchboard_loadtest.measure import BargeIn, Turn, TurnResult
from switchboard_loadtest.outcome import CallResult, judge
from switchboard_loadtest.run import Run, Settings
from switchboard_loadtest.signalling import CallLeg, EndedBy
from switchboard_loadtest.sipp import Target
from switchboard_loadtest.voiced import Span
from switchboard_media.codec import G722

ANSWERED_NS = 1_700_000_000_000_000_000
ANSWERED_MS = ANSWERED_NS // 1_000_000

SCRIPT = CallerScript(
    "booking",
    20_000,
    (Says(5000, "i would like to book an appointment"), Says(9000, "goodbye")),
    expected=Expected(("completed",), "booking", {"day": "tuesday"}),
)


def leg(call_id: str = "one", answer_ms: int = 300) -> CallLeg:
    return CallLeg(
        call_id=call_id,
        caller="+15551000001",
        invite_ns=ANSWERED_NS - answer_ms * 1_000_000,
        final_status=200,
        answered_ns=ANSWERED_NS,
        acknowledged_ns=ANSWERED_NS,
        agent_media=("192.0.2.2", 7000),
        ended_ns=ANSWERED_NS + 12_000_000_000,
        ended_by=EndedBy.AGENT,
    )


def refused(call_id: str = "two") -> CallLeg:
    return CallLeg(call_id, caller="+15551000002", invite_ns=ANSWERED_NS, final_status=503)


def view(of: CallLeg, *, latency_ms: float = 600, gaps_ms: tuple[float, ...] = ()) -> CallerView:
    if of.answered_ns is None:
        return CallerView(of, (), listen([], G722), ())
    return CallerView(
        leg=of,
        sent_ns=(ANSWERED_NS,),
        hearing=listen([], G722),
        agent_speech=(Span(100, 4000), Span(7000 + latency_ms, 8900), Span(10_200, 11_800)),
        turns=(
            Turn(SCRIPT.says[0].text, 5000, 7000, TurnResult.REPLIED, latency_ms),
            Turn(SCRIPT.says[1].text, 9000, 9500, TurnResult.REPLIED, 700),
        ),
        barge_ins=(BargeIn(5000, 300),),
        gaps_ms=gaps_ms,
    )


def agent(
    test_id: str = "one", day: str = "tuesday", outcome: Outcome = Outcome.COMPLETED
) -> AgentView:
    def common(sequence: int, at_ms: int) -> dict[str, int | str]:
        at = {"at_unix_ms": ANSWERED_MS - 100 + at_ms, "at_call_ms": at_ms}
        return {"call_id": f"SCL_{test_id}", "sequence": sequence, **at}

    started = CallStarted.model_validate(
        common(0, 0)
        | {
            "tenant": "t",
            "agent": "n/a",
            "revision": "r",
            "worker": "w",
            "room": "x",
            "test_id": test_id,
        }
    )
    heard = "i would like to book an appointment"
    events: tuple[CallEvent, ...] = (
        started,
        _reply(common(1, 4200), "Hello.", started_ms=210),
        TurnHeard.model_validate(
            common(2, 7400) | {"turn": 1, "text": heard, "speech_ended_call_ms": 7150}
        ),
        _reply(common(3, 9000), "Which day?", started_ms=7650, interrupted=True),
        TurnHeard.model_validate(
            common(4, 9800) | {"turn": 2, "text": "good buy", "speech_ended_call_ms": 9640}
        ),
        CallEnded.model_validate(
            common(5, 12_000)
            | {
                "outcome": outcome,
                "duration_ms": 12_000,
                "slots": {"day": day},
                "result": "booking",
            }
        ),
    )
    return AgentView(started, events)


def _reply(
    common: dict[str, int | str], text: str, *, started_ms: int, interrupted: bool = False
) -> ReplySpoken:
    return ReplySpoken.model_validate(
        common
        | {
            "turn": 0,
            "text": text,
            "heard": text,
            "started_call_ms": started_ms,
            "interrupted": interrupted,
        }
    )


def result(caller: CallerView, worker: AgentView | None) -> CallResult:
    return CallResult(SCRIPT, caller, worker, judge(SCRIPT, caller, worker, joined=True))


def run(*calls: CallResult, placed: int | None = None, busy_s: float = 15.0) -> Run:
    settings = Settings(
        target=Target("192.0.2.2", 5060, "+15550100"),
        script=SCRIPT,
        codec=G722,
        calls=placed if placed is not None else len(calls),
        calls_per_second=1,
        folder=Path("run"),
        speech_cache=Path("speech"),
        redis_url="redis://192.0.2.2",
    )
    use = CpuUse({"worker": 0.6, "sip": 0.0}, {"worker": 1, "sip": 0}, busy_s)
    track = CallerTrack(SCRIPT, np.zeros(320, np.int16), ())
    return Run(settings, track, calls, use, wall_s=20.0, captured=True)
