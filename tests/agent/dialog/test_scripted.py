"""Promises of the seam: nothing counts before it is committed, nothing raises."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.dialog import course, steps
from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.dialog.compiled import CompiledScript
from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.dialog.state import Stage, State
from switchboard_agent.stt.language_model import sentences
from switchboard_contract.crd.voice_agent import Persona
from switchboard_contract.dialog import Flow, Intent, Script, Slot, SlotType
from tests.agent.dialog.conversing import Conversation
from tests.agent.dialog.sample import sample_config, sample_script

_CONFIG = sample_config()
_SCRIPT = CompiledScript(sample_script(), _CONFIG.persona)
_LIKELY = sorted(" ".join(sentence) for sentence in sentences(sample_script()))[::37]
_TURNS = st.one_of(
    st.builds(CallerTurn, st.sampled_from(_LIKELY)),
    st.builds(CallerTurn, st.text(max_size=60)),
    st.builds(CallerTurn, st.just(""), st.text("0123456789*#", max_size=12)),
    st.lists(st.sampled_from(_LIKELY), max_size=3).map(lambda parts: CallerTurn(" ".join(parts))),
)


def _is_consistent(state: State) -> None:
    flows, slots = _SCRIPT.script.flows, _SCRIPT.script.slots
    assert (state.stage is Stage.IDLE) == (state.flow == "")
    assert (state.stage is Stage.ASKING) == (state.asked != "")
    assert not state.flow or state.flow in flows
    assert not state.asked or state.asked in flows[state.flow].collect
    assert not state.asked or state.asked not in state.values
    assert set(state.values) <= set(slots)
    assert not set(state.values) & set(state.hints)
    if state.stage is Stage.CONFIRMING:
        assert set(flows[state.flow].collect) <= set(state.values)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_TURNS, st.none()), max_size=14))
def test_any_course_of_turns_leaves_a_consistent_state_and_an_answer(
    turns: list[CallerTurn | None],
) -> None:
    state = course.idle(_SCRIPT, State())
    for turn in turns:
        step = (
            course.nothing_said(_SCRIPT, state)
            if turn is None
            else steps.respond(_SCRIPT, state, turn)
        )
        assert step.reply.text.strip()
        assert "{" not in step.reply.text
        state = step.state
        _is_consistent(state)


@settings(max_examples=50, deadline=None)
@given(st.lists(_TURNS, max_size=6), st.lists(_TURNS, min_size=1, max_size=4))
async def test_answers_that_are_thrown_away_leave_no_trace(
    given_turns: list[CallerTurn], thrown_away: list[CallerTurn]
) -> None:
    plain, speculating = ScriptedDialog(_CONFIG, _SCRIPT), ScriptedDialog(_CONFIG, _SCRIPT)
    for turn in given_turns:
        for other in thrown_away:
            await speculating.respond(other)
            speculating.no_input()
        expected, got = await plain.respond(turn), await speculating.respond(turn)
        assert got == expected
        plain.commit(expected)
        speculating.commit(got)
        assert speculating.slots == plain.slots
        assert speculating.result == plain.result


async def test_a_reply_of_another_turn_cannot_be_committed() -> None:
    dialog = ScriptedDialog(_CONFIG, _SCRIPT)
    await dialog.respond(CallerTurn("my name is sarah johnson"))
    dialog.commit(Reply("something else"))
    assert dict(dialog.slots) == {}


async def test_a_longer_turn_replaces_a_shorter_one() -> None:
    dialog = ScriptedDialog(_CONFIG, _SCRIPT)
    await dialog.respond(CallerTurn("do you have anything on wednesday"))
    reply = await dialog.respond(CallerTurn("do you have anything on wednesday at ten"))
    dialog.commit(reply)
    assert dict(dialog.slots) == {"day": "wednesday", "time": "10:00"}


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", False),
        ("yes", True),
        ("i would like to book an appointment", True),
        ("i would like to book an", False),
        ("next tuesday and", False),
        ("my name is", False),
        ("my name is sarah johnson", True),
        ("the tenth of", False),
        ("half past", False),
        ("five five five", False),
        ("five five five one two three four", True),
        ("can you repeat that", True),
        ("actually", False),
        ("no wait", False),
        ("what are your opening hours", True),
    ],
)
def test_words_sound_finished_or_not(text: str, complete: bool) -> None:
    assert ScriptedDialog(_CONFIG, _SCRIPT).is_complete(text) is complete


async def test_the_second_half_of_a_phone_number_sounds_finished() -> None:
    conversation = Conversation()
    for heard in ("i need an appointment", "david miller", "monday at nine", "five five five"):
        await conversation.say(heard)
    assert not conversation.dialog.is_complete("one two three")
    assert conversation.dialog.is_complete("one two three four")


def test_a_protected_answer_is_offered_as_such() -> None:
    intents = [
        Intent(name="terms", phrases=["what are the terms"], say="These are.", protected=True),
        Intent(name="hours", phrases=["when do you open"], say="At nine."),
    ]
    script = Script(greeting="Hello.", intents=intents)
    dialog = ScriptedDialog(_CONFIG, CompiledScript(script, Persona(name="Ann")))
    assert asyncio.run(dialog.respond(CallerTurn("what are the terms"))).protected
    assert not asyncio.run(dialog.respond(CallerTurn("when do you open"))).protected


async def test_a_wish_for_a_human_is_answered_and_put_through_and_the_question_stays_open() -> None:
    human = Intent(name="human", phrases=["a real person"], say="One moment.", transfer=True)
    dialog = ScriptedDialog(
        _CONFIG, CompiledScript(Script(greeting="Hello.", intents=[human]), Persona(name="Ann"))
    )
    assert await dialog.respond(CallerTurn("a real person")) == Reply("One moment.", transfer=True)


@pytest.mark.parametrize(
    ("intent", "reply"),
    [
        ({"say": "Billing please."}, Reply("Billing please.", keys="w12#")),
        ({}, Reply("", keys="w12#")),
        ({"hang_up": True}, Reply("Goodbye.", keys="w12#", end_call=True)),
        ({"say": "Hold on.", "transfer": True}, Reply("Hold on.", keys="w12#", transfer=True)),
    ],
)
async def test_keys_are_pressed_after_the_answer_and_no_question_follows(
    intent: dict[str, Any], reply: Reply
) -> None:
    menu = Intent(name="menu", phrases=["press one for billing"], keys="w12#", **intent)
    dialog = ScriptedDialog(
        _CONFIG, CompiledScript(Script(greeting="Hello.", intents=[menu]), Persona(name="Ann"))
    )
    assert await dialog.respond(CallerTurn("press one for billing")) == reply


def test_a_flow_with_keys_presses_them_at_its_end() -> None:
    script = Script(
        greeting="Hello.",
        slots={"day": Slot(type=SlotType.DAY, ask="When?")},
        intents=[Intent(name="door", phrases=["the door"], flow="ask")],
        flows={"ask": Flow(collect=["day"], done="Come in.", keys="9")},
    )
    dialog = ScriptedDialog(_CONFIG, CompiledScript(script, Persona(name="Ann")))
    for said in ("the door", "monday"):
        reply = asyncio.run(dialog.respond(CallerTurn(said)))
        dialog.commit(reply)
    assert reply == Reply("Come in.", keys="9")


def test_a_flow_that_transfers_does_so_at_its_end() -> None:
    script = Script(
        greeting="Hello.",
        slots={"day": Slot(type=SlotType.DAY, ask="When?")},
        intents=[Intent(name="human", phrases=["a real person"], flow="ask")],
        flows={"ask": Flow(collect=["day"], done="One moment.", transfer=True)},
    )
    dialog = ScriptedDialog(_CONFIG, CompiledScript(script, Persona(name="Ann")))
    for said in ("a real person", "monday"):
        reply = asyncio.run(dialog.respond(CallerTurn(said)))
        dialog.commit(reply)
    assert reply == Reply("One moment.", transfer=True)
