import numpy as np

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.crd.turn import Endpointing, TurnSpec
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, hush, tone

LABELS = {"tenant": "clinic", "agent": "clinic/desk"}


def call(*, speculation: bool) -> Call:
    turn = TurnSpec(speculation=speculation, endpointing=Endpointing(min_silence_ms=600))
    return Call(
        dialog=ScriptedAnswers([Reply("what day")]),
        stt=ScriptedStt(["i need help", "now", "monday"]),
        config=agent_config(turn=turn),
    )


def counted(made: Call, result: str) -> float:
    found = made.telemetry.registry.get_sample_value(
        "switchboard_speculations_total", LABELS | {"result": result}
    )
    return found or 0.0


async def pauses_in_the_middle_once(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(np.concatenate((tone(800), hush(450), tone(800))))
    await caller.wait_for_agent()
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()


def test_the_ledger_counts_what_was_kept_and_what_was_thrown_away() -> None:
    made = call(speculation=True)
    made.play(pauses_in_the_middle_once)
    assert [turn.text for turn in made.turns] == ["i need help now", "monday"]
    assert counted(made, "started") == 3
    assert counted(made, "committed") == 2
    assert counted(made, "wasted") == 1


def test_an_agent_that_does_not_speculate_asks_once_per_turn_and_answers_later() -> None:
    made = call(speculation=False)
    made.play(pauses_in_the_middle_once)
    assert len(made.dialog.asked) == 2
    assert counted(made, "started") == 0
    latencies = [reply.turn_latency_ms for reply in made.replies if reply.turn_latency_ms]
    assert all(latency > 600 + 150 + 80 - 1 for latency in latencies)
