"""What tests with live calls share: waiting, asking the cluster, judging how calls ended."""

import json
import time
from collections.abc import Callable
from typing import Any

from switchboard_cli.demo_system import Kubectl
from switchboard_contract.call_events import CallEvent, ReplySpoken, TurnHeard
from switchboard_loadtest.outcome import GOOD_OUTCOMES, CallResult

PATIENCE: dict[str, Any] = {"turn": {"noInputSeconds": 30}}
"""Part of a VoiceAgent's spec: a caller of whom a sentence or two is not understood is not hung up
on. How well words are understood on a crowded machine is not what these tests ask."""


def until(check: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Wait for something to be true."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.5)


def found(kubectl: Kubectl, kind: str, namespace: str, *rest: str) -> dict[str, Any]:
    """Return one object, or a list of them."""
    text = kubectl("get", kind, f"--namespace={namespace}", "-o", "json", *rest)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def dropped(call: CallResult) -> str:
    """How the platform ended the call; empty if a side of the conversation did."""
    caller, after_s = call.view.leg.caller, call.view.duration_ms / 1000
    if not call.view.answered:
        return f"{caller} was not answered ({call.view.leg.final_status})"
    ended = call.agent.ended if call.agent else None
    if ended is None:
        return f"{caller} has no end in the call events, {after_s:.1f} s long"
    if ended.outcome in GOOD_OUTCOMES:
        return ""
    told = "".join(f"\n  {_line(event)}" for event in call.agent.events) if call.agent else ""
    return f"{caller} {ended.outcome} at {after_s:.1f} s{told}"


def _line(event: CallEvent) -> str:
    at = f"{event.at_call_ms / 1000:6.1f} s {event.type}"
    match event:
        case TurnHeard():
            return f"{at}: {event.text!r}"
        case ReplySpoken():
            return f"{at}: {event.text!r}, of which was heard {event.heard!r}"
        case _:
            return at
