"""The agent puts a caller through: said first, then done, and gone on with where nobody answers."""

import pytest
from typing_extensions import override

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import Transferred
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import (
    Outcome,
    ReplySpoken,
    TransferEnded,
    TransferRequested,
    TransferResult,
)
from switchboard_contract.crd.transfer import Transfer
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

DESK = Transfer(to="tel:+15550199", failed="nobody is there")
CONFIG = agent_config().model_copy(update={"transfer": DESK})


class Busy(LoopbackTransport):
    @override
    async def transfer(self, to: str) -> Transferred:
        await super().transfer(to)
        return Transferred(TransferResult.REFUSED, 486)


class Broken(LoopbackTransport):
    @override
    async def transfer(self, to: str) -> Transferred:
        raise OSError("the wire is cut", to)


async def says_two_things(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
    await caller.wait_for_silence(60)


def a_call() -> Call:
    answers = ScriptedAnswers([Reply("one moment", transfer=True)])
    return Call(dialog=answers, stt=ScriptedStt(["a human", "never mind"]), config=CONFIG)


def test_a_caller_is_put_through_after_the_sentence() -> None:
    call = a_call()
    transport = call.play(says_two_things)
    assert call.outcome is Outcome.TRANSFERRED
    assert transport.transfers == [DESK.to]
    last = [type(event) for event in call.records.events[-4:-1]]
    assert last == [ReplySpoken, TransferRequested, TransferEnded]
    assert call.replies[-1].heard == "one moment"


@pytest.mark.parametrize(
    ("kind", "result", "status"),
    [(Busy, TransferResult.REFUSED, 486), (Broken, TransferResult.FAILED, None)],
)
def test_a_caller_nobody_takes_is_told_so_and_the_dialog_goes_on(
    kind: type[LoopbackTransport], result: TransferResult, status: int | None
) -> None:
    call = a_call()
    call.make_transport = kind
    call.play(says_two_things)
    assert [reply.text for reply in call.replies][1:] == [
        "one moment",
        "nobody is there",
        "goodbye",
    ]
    (ended,) = [event for event in call.records.events if isinstance(event, TransferEnded)]
    assert (ended.result, ended.sip_status) == (result, status)
    assert call.outcome is Outcome.COMPLETED


def test_a_sentence_that_is_interrupted_transfers_nobody() -> None:
    answers = ScriptedAnswers([Reply("one moment " * 20, transfer=True)])
    call = Call(dialog=answers, stt=ScriptedStt(["a human", "stop"]), config=CONFIG)

    async def interrupts(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await caller.say(tone(1500))
        await caller.wait_for_silence(60)

    transport = call.play(interrupts)
    assert transport.transfers == []
    assert call.outcome is Outcome.COMPLETED
