"""From a slot of the script to the grammar of its type."""

from typing import assert_never

from switchboard_agent.dialog.slots.base import SlotGrammar
from switchboard_agent.dialog.slots.choice import ChoiceGrammar
from switchboard_agent.dialog.slots.day import DayGrammar
from switchboard_agent.dialog.slots.name import NameGrammar
from switchboard_agent.dialog.slots.phone import PhoneGrammar
from switchboard_agent.dialog.slots.time import TimeGrammar
from switchboard_agent.dialog.slots.yes_no import YesNoGrammar
from switchboard_contract.dialog import Slot, SlotType


def grammar_of(slot: Slot) -> SlotGrammar:
    """The grammar that hears, reads back and exemplifies this slot."""
    match slot.type:
        case SlotType.PERSON_NAME:
            return NameGrammar(tuple(slot.choices)) if slot.choices else NameGrammar()
        case SlotType.DAY:
            return DayGrammar()
        case SlotType.TIME:
            return TimeGrammar()
        case SlotType.PHONE_NUMBER:
            return PhoneGrammar(slot.digits)
        case SlotType.YES_NO:
            return YesNoGrammar()
        case SlotType.CHOICE:
            return ChoiceGrammar(tuple(slot.choices))
        case _:
            assert_never(slot.type)
