"""What a human is told: whole sentences of what is known."""

import pytest

from switchboard_agent.dialog.briefing import briefing_of
from switchboard_contract.dialog import Intent, Script, Slot, SlotType
from tests.agent.live.configs import agent_config

CONFIG = agent_config().model_copy(
    update={
        "script": Script(
            greeting="hi",
            slots={
                "name": Slot(type=SlotType.PERSON_NAME, ask="Who?"),
                "day": Slot(type=SlotType.DAY, ask="When?"),
            },
            intents=[Intent(name="bye", phrases=["bye bye"], hang_up=True)],
        )
    }
)
TEXT = "This is {agent}. {name} is on the line! Wants to come on {day}. Here they are."


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({}, "This is Ann. Here they are."),
        ({"name": "mary"}, "This is Ann. {mary} is on the line! Here they are."),
        (
            {"name": "mary", "unknown": "x"},
            "This is Ann. {mary} is on the line! Here they are.",
        ),
    ],
)
def test_a_sentence_that_names_something_unknown_is_left_out(
    slots: dict[str, str], said: str
) -> None:
    found = briefing_of(CONFIG, TEXT, slots)
    assert found.casefold() == said.replace("{mary}", "mary").casefold()


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert briefing_of(CONFIG, "{name} wants {day}.", {"name": "mary"}) == ""


def test_values_are_said_as_the_dialog_says_them() -> None:
    found = briefing_of(CONFIG, "Comes on {day}.", {"day": "wednesday"})
    assert found.casefold() == "comes on wednesday."
