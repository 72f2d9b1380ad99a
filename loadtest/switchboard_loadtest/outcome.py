"""One call judged: did it do what its caller script asked for, and if not, why not."""

from dataclasses import dataclass

from switchboard_contract.call_events import Outcome
from switchboard_loadtest.agent_events import AgentView
from switchboard_loadtest.caller_script import CallerScript
from switchboard_loadtest.caller_view import CallerView
from switchboard_loadtest.sip_scenario import Ending
from switchboard_loadtest.wer import WordErrors

GOOD_OUTCOMES = (Outcome.COMPLETED, Outcome.CALLER_HUNG_UP)
"""How a call may end where its script does not say."""

_CANCELLED = 487
_FIRST_REFUSAL = 300


@dataclass(frozen=True, slots=True)
class CallResult:
    """A call from both sides."""

    script: CallerScript
    view: CallerView
    agent: AgentView | None
    """None where no events were read, or none came."""
    failure: str
    """Why it is not what the script asked for; empty if it is."""

    @property
    def completed(self) -> bool:
        """Whether it did what the script asked for."""
        return not self.failure

    @property
    def word_errors(self) -> WordErrors:
        """Words said against words understood, over the whole call."""
        if self.agent is None:
            return WordErrors(0, 0)
        return WordErrors.between(self.script.said, self.agent.understood)


def judge(script: CallerScript, view: CallerView, agent: AgentView | None, *, joined: bool) -> str:
    """Why a call failed, or an empty string. `joined` says whether events were read at all."""
    status = view.leg.final_status
    match script.ending:
        case Ending.REFUSED:
            dropped = view.leg.rang and not status
            if dropped or status >= _FIRST_REFUSAL:
                return ""
            return f"was not refused (final answer {status or 'none'})"
        case Ending.CANCEL:
            return "" if status == _CANCELLED else f"cancelled, but the final answer was {status}"
        case Ending.SPEAK:
            if not view.answered:
                return f"was not answered (final answer {status or 'none'})"
            return _judge_booking(script, agent) if joined else ""


def _judge_booking(script: CallerScript, agent: AgentView | None) -> str:
    if agent is None:
        return "no worker reported the call"
    ended = agent.ended
    if ended is None:
        return "the worker did not report the end of the call"
    expected = script.expected
    outcomes = tuple(Outcome(name) for name in expected.outcomes) or GOOD_OUTCOMES
    if ended.outcome not in outcomes:
        return f"ended as {ended.outcome}, not as {' or '.join(outcomes)}"
    if expected.result and ended.result != expected.result:
        return f"finished flow {ended.result or 'none'}, not {expected.result}"
    wrong = {
        slot: ended.slots.get(slot, "nothing")
        for slot, value in expected.slots.items()
        if ended.slots.get(slot) != value
    }
    if wrong:
        asked = ", ".join(f"{slot} {expected.slots[slot]!r}" for slot in wrong)
        booked = ", ".join(f"{slot} {value!r}" for slot, value in wrong.items())
        return f"the caller asked for {asked}, but booked was {booked}"
    return ""
