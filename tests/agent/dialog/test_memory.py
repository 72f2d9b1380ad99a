"""A dialog goes on where another worker was: same position and history, the question again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from switchboard_agent.dialog.base import LOST, CallerTurn, Reply
from switchboard_agent.dialog.history import History
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_contract.recovery import DialogMemory, PromptMemory
from tests.agent.dialog.conversing import Conversation
from tests.agent.dialog.sample import sample_config

_WIRE: TypeAdapter[DialogMemory] = TypeAdapter(DialogMemory)
_TURNS = (
    "i would like to book an appointment",
    "my name is sarah johnson",
    "tuesday",
    "keys:1430",
    "keys:5551234",
    "what are your opening hours",
    "yes",
    "no",
    "actually no wednesday would be better",
    "mumble",
)


def _elsewhere(dialog: ScriptedDialog, unheard: str = "", *, ending: bool = False) -> Conversation:
    """The same dialog in another worker, its bridging phrase said."""
    memory = _WIRE.validate_json(_WIRE.dump_json(dialog.memory))
    other = Conversation()
    other.dialog = ScriptedDialog(sample_config())
    other.dialog.recall(memory, Reply(unheard, end_call=ending))
    other.dialog.commit(other.dialog.greeting())
    return other


@settings(deadline=None)
@given(st.lists(st.sampled_from(_TURNS), max_size=6), st.sampled_from(_TURNS))
async def test_after_any_course_the_next_answer_is_the_one_it_would_have_been(
    course: list[str], turn: str
) -> None:
    one = Conversation()
    for said in course:
        await one.say(said)
    other = _elsewhere(one.dialog)
    assert await other.say(turn) == await one.say(turn)
    assert other.dialog.memory == one.dialog.memory


async def test_the_open_question_is_asked_again_after_the_bridging_phrase() -> None:
    one = Conversation()
    await one.say("i would like to book an appointment")
    other = ScriptedDialog(sample_config())
    other.recall(one.dialog.memory, Reply(""))
    assert other.greeting() == Reply(f"{LOST} What is your name?")


async def test_a_reply_that_was_cut_is_said_again_as_it_was() -> None:
    one = Conversation()
    cut = await one.say("i would like to book an appointment")
    other = ScriptedDialog(sample_config())
    other.recall(one.dialog.memory, Reply(cut.text))
    assert other.greeting().text == f"{LOST} {cut.text}"


async def test_a_worker_lost_while_it_bridged_is_bridged_once() -> None:
    one = Conversation()
    await one.say("i would like to book an appointment")
    cut = f"{LOST} What is your name?"
    other = ScriptedDialog(sample_config())
    other.recall(one.dialog.memory, Reply(cut))
    assert other.greeting().text == cut


async def test_a_call_that_was_bidding_goodbye_ends_with_it() -> None:
    one = Conversation()
    farewell = await one.say("that is all thank you goodbye")
    assert farewell.end_call
    other = ScriptedDialog(sample_config())
    other.recall(one.dialog.memory, Reply("", end_call=True))
    assert other.greeting() == Reply(f"{LOST} {farewell.text}", end_call=True)


async def test_a_caller_who_was_being_put_through_still_is() -> None:
    one = Conversation()
    said = await one.say("what are your opening hours")
    other = ScriptedDialog(sample_config())
    other.recall(one.dialog.memory, Reply("", transfer=True))
    assert other.greeting() == Reply(f"{LOST} {said.text}", transfer=True)


async def test_keys_that_were_to_follow_the_words_that_were_cut_still_do() -> None:
    other = ScriptedDialog(sample_config())
    other.recall(Conversation().dialog.memory, Reply("One moment.", keys="12#"))
    assert other.greeting() == Reply(f"{LOST} One moment.", keys="12#")


async def test_a_flow_that_is_finished_is_not_finished_again() -> None:
    one = Conversation()
    for said in (
        "i would like to book an appointment",
        "my name is sarah johnson",
        "tuesday",
        "keys:1430",
        "keys:5551234",
        "yes",
    ):
        await one.say(said)
    assert one.dialog.result
    other = _elsewhere(one.dialog)
    reply = await other.dialog.respond(CallerTurn("no"))
    assert reply.end_call
    assert other.dialog.result == one.dialog.result
    assert other.dialog.slots == one.dialog.slots


def test_the_memory_of_a_prompt_is_refused_by_a_script() -> None:
    with pytest.raises(TypeError):
        ScriptedDialog(sample_config()).recall(PromptMemory(), Reply(""))


@given(st.lists(st.tuples(st.booleans(), st.text(min_size=1, max_size=300)), max_size=40))
def test_a_history_is_the_same_after_it_has_travelled(said: list[tuple[bool, str]]) -> None:
    history = History()
    for by_caller, text in said:
        if by_caller:
            history.caller_said(text)
        else:
            history.agent_was_heard(text)
    memory = PromptMemory(lines=history.lines)
    travelled = PromptMemory.model_validate_json(memory.model_dump_json())
    other = History.of(travelled.lines)
    assert other.question("system", "next") == history.question("system", "next")
