"""The caller asks to wait, or says nothing: what either kind of dialog offers."""

from collections.abc import Callable

import pytest

from switchboard_agent.dialog.base import CallerTurn, Dialog
from switchboard_agent.dialog.prompted import PromptedDialog
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.llm.chain import LlmChain
from switchboard_contract.crd.voice_agent import Persona, PromptDialog
from tests.agent.dialog.sample import sample_config


def scripted(reprompts: int = 2) -> Dialog:
    config = sample_config()
    turn = config.turn.model_copy(update={"no_input_reprompts": reprompts})
    return ScriptedDialog(config.model_copy(update={"turn": turn}))


def prompted(reprompts: int = 2, hold: str = "Take your time.") -> Dialog:
    """No language model: whatever it answers, it answers by itself."""
    prompt = PromptDialog(greeting="Hello.", instructions="Help.", hold=hold)
    chain = LlmChain(())
    return PromptedDialog(prompt, Persona(name="Ann"), chain, lambda: None, reprompts=reprompts)


@pytest.mark.parametrize("dialog", [scripted(), prompted()], ids=["script", "prompt"])
async def test_who_asks_to_wait_is_left_time(dialog: Dialog) -> None:
    dialog.commit(dialog.greeting())
    reply = await dialog.respond(CallerTurn("one moment please"))
    assert (reply.text, reply.hold) == ("Take your time.", True)


async def test_a_prompt_led_agent_may_say_nothing_to_it() -> None:
    reply = await prompted(hold="").respond(CallerTurn("hold on please"))
    assert (reply.text, reply.hold) == ("", True)


@pytest.mark.parametrize("make", [scripted, prompted], ids=["script", "prompt"])
@pytest.mark.parametrize("reprompts", [0, 1, 4])
def test_a_silent_caller_is_asked_as_often_as_the_agent_says(
    make: Callable[[int], Dialog], reprompts: int
) -> None:
    dialog = make(reprompts)
    dialog.commit(dialog.greeting())
    ended = []
    for _ in range(reprompts + 1):
        reply = dialog.no_input()
        dialog.commit(reply)
        ended.append(reply.end_call)
    assert ended == [False] * reprompts + [True]
