"""A scripted dialog: what the agent asks, which phrases it understands, what it does with them.

A script has slots (things to learn), intents (things a caller may want, recognised by phrases) and
flows (slots to collect in order, confirm, and finish). Phrases may name slots in braces:
`i would like to come in on {day}`. They serve twice: to understand, and to build the recogniser's
language model, so a phrase that stands in no list is also heard badly.

Yes and no, "can you repeat that", "one moment please" and corrections ("actually no wednesday would
be better") need no phrases: every script understands them.
"""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from switchboard_contract.crd.meta import Model

KEYS_PATTERN = r"^[w,]*[0-9A-D*#][0-9A-D*#w,]*$"
MOST_KEYS = 32
PHRASE_PATTERN = r"^([a-z']+|\{[a-z][a-zA-Z0-9]{0,30}\})( ([a-z']+|\{[a-z][a-zA-Z0-9]{0,30}\}))*$"
IDENTIFIER_PATTERN = r"^[a-z][a-zA-Z0-9]{0,30}$"
_BRACES = re.compile(r"\{([^{}]*)\}")
_PERSONA = frozenset({"agent", "business"})

Say = Annotated[str, StringConstraints(min_length=1, max_length=600)]
"""What the agent says. {agent}, {business} and slot names in braces are filled in."""

Phrase = Annotated[str, StringConstraints(pattern=PHRASE_PATTERN, max_length=200)]
"""What a caller may say: lower-case words without punctuation, slots in braces."""

Words = Annotated[str, StringConstraints(pattern=r"^[a-z']+( [a-z']+){0,9}$", max_length=80)]
"""Lower-case words without punctuation or slots."""

Keys = Annotated[str, StringConstraints(pattern=KEYS_PATTERN, max_length=MOST_KEYS)]
"""Telephone keys; w and the comma wait for half a second."""

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN)]

Pronunciation = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{1,2}( [A-Z]{1,2}){0,29}$", max_length=120)
]
"""Sounds of a word in ARPAbet without stress, as in `T UW TH EY K`."""


class SlotType(StrEnum):
    """Kinds of things that can be learned from speech."""

    PERSON_NAME = "personName"
    DAY = "day"
    TIME = "time"
    PHONE_NUMBER = "phoneNumber"
    YES_NO = "yesNo"
    CHOICE = "choice"


class Slot(Model):
    """One thing to learn."""

    type: SlotType = Field(description="Kind of value: brings its own ways of saying it.")
    ask: Say = Field(description="Question that asks for it.")
    ask_again: Say | None = Field(
        default=None, description="Question after an answer that was not understood."
    )
    label: Words | None = Field(
        default=None,
        description='What callers name the slot by to correct it ("the phone number"); '
        "the type brings a usual one.",
    )
    phrases: list[Phrase] = Field(
        default_factory=list,
        max_length=100,
        description="Ways to answer, with the slot in braces; the type brings usual ones.",
    )
    choices: list[Words] = Field(
        default_factory=list, max_length=200, description="Values of a choice, or names to expect."
    )
    digits: int = Field(default=7, ge=1, le=15, description="Digits of a phoneNumber.")

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if self.type is SlotType.CHOICE and not self.choices:
            raise ValueError("a slot of type choice needs choices")
        return self


class Intent(Model):
    """Something the caller may want at any time."""

    name: Identifier = Field(description="Name of the intent, unique in the script.")
    phrases: list[Phrase] = Field(
        min_length=1, max_length=200, description="Ways to ask for it, slots in braces."
    )
    say: Say | None = Field(default=None, description="Answer; the running flow goes on after it.")
    flow: Identifier | None = Field(default=None, description="Flow to start.")
    hang_up: bool = Field(default=False, description="End the call after the answer.")
    transfer: bool = Field(
        default=False,
        description="Put the caller through to spec.transfer after the answer.",
    )
    keys: Keys | None = Field(
        default=None,
        description="Telephone keys pressed after the answer, as in 12#; w waits half a second.",
    )
    protected: bool = Field(
        default=False, description="Say the answer to its end: callers cannot interrupt it."
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.say is None and self.flow is None and self.keys is None and not self.hang_up:
            raise ValueError("an intent needs say, flow, keys or hangUp")
        if self.keys is not None and self.flow is not None:
            raise ValueError("an intent with keys starts no flow: set keys on the flow")
        if self.transfer and (self.say is None or self.flow is not None or self.hang_up):
            raise ValueError("an intent with transfer needs say, and neither flow nor hangUp")
        return self


class Flow(Model):
    """Slots to collect in order, a confirmation, an end."""

    collect: list[Identifier] = Field(min_length=1, max_length=20, description="Slots, in order.")
    confirm: Say | None = Field(
        default=None, description="Question that reads everything back; yes finishes the flow."
    )
    done: Say = Field(description="Said when the flow is finished.")
    hang_up: bool = Field(default=False, description="End the call after it.")
    transfer: bool = Field(
        default=False, description="Put the caller through to spec.transfer after it."
    )
    keys: Keys | None = Field(
        default=None,
        description="Telephone keys pressed after it, as in 12#; w waits half a second.",
    )
    protected: bool = Field(
        default=False, description="Say `done` to its end: callers cannot interrupt it."
    )

    @model_validator(mode="after")
    def _ends_one_way(self) -> Self:
        if self.transfer and self.hang_up:
            raise ValueError("set at most one of transfer and hangUp")
        return self


class Script(Model):
    """A whole dialog."""

    greeting: Say = Field(description="First words of the agent.")
    disclosure: Say | None = Field(
        default=None,
        description=(
            "Said after the greeting to every caller and to its end, such as a legal notice: "
            "callers cannot interrupt it."
        ),
    )
    slots: dict[str, Slot] = Field(
        default_factory=dict, max_length=40, description="Things to learn, by name."
    )
    intents: list[Intent] = Field(
        min_length=1, max_length=100, description="Things the caller may want."
    )
    flows: dict[str, Flow] = Field(
        default_factory=dict, max_length=40, description="Courses of the dialog, by name."
    )
    ask: Say = Field(
        default="What can I do for you?", description="Asked whenever no flow is running."
    )
    not_understood: Say = Field(
        default="Sorry, I did not understand that.", description="Said before asking again."
    )
    help: Say | None = Field(
        default=None,
        description="What to ask for: said after two misunderstandings outside a flow.",
    )
    hold: Say = Field(default="Take your time.", description="Said when the caller asks to wait.")
    no_input: Say = Field(default="Are you still there?", description="Said after long silence.")
    goodbye: Say = Field(default="Goodbye.", description="Said before the agent hangs up.")
    pronunciations: dict[str, Pronunciation] = Field(
        default_factory=dict,
        max_length=500,
        description="Sounds (ARPAbet) of words that the recogniser's dictionary lacks, by word.",
    )

    @property
    def transfers(self) -> bool:
        """Whether it may put a caller through."""
        ends = [intent.transfer for intent in self.intents]
        return any(ends + [flow.transfer for flow in self.flows.values()])

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name in (*self.slots, *self.flows):
            if not re.fullmatch(IDENTIFIER_PATTERN, name):
                raise ValueError(f"{name!r} is no name of a slot or flow: use letters and digits")
        for intent in self.intents:
            if intent.flow is not None and intent.flow not in self.flows:
                raise ValueError(f"intents[{intent.name}].flow names no flow: {intent.flow}")
        for name, flow in self.flows.items():
            for slot in flow.collect:
                if slot not in self.slots:
                    raise ValueError(f"flows[{name}].collect names no slot: {slot}")
        return self

    @model_validator(mode="after")
    def _braces_name_slots(self) -> Self:
        for where, text in self._texts():
            for name in _BRACES.findall(text):
                if name not in self.slots and name not in _PERSONA:
                    raise ValueError(f"{where} names no slot: {{{name}}}")
        for name in _BRACES.findall(self.disclosure or ""):
            if name not in _PERSONA:
                raise ValueError(f"disclosure names what is not known yet: {{{name}}}")
        for where, phrase in self._phrases():
            for name in _BRACES.findall(phrase):
                if name not in self.slots:
                    raise ValueError(f"{where} names no slot: {{{name}}}")
        return self

    def _texts(self) -> list[tuple[str, str]]:
        texts = [("greeting", self.greeting), ("ask", self.ask), ("goodbye", self.goodbye)]
        texts += [("notUnderstood", self.not_understood), ("noInput", self.no_input)]
        texts += [("hold", self.hold), ("help", self.help or "")]
        for name, slot in self.slots.items():
            texts += [
                (f"slots[{name}].ask", slot.ask),
                (f"slots[{name}].askAgain", slot.ask_again or ""),
            ]
        texts += [(f"intents[{intent.name}].say", intent.say or "") for intent in self.intents]
        for name, flow in self.flows.items():
            texts += [(f"flows[{name}].done", flow.done)]
            texts += [(f"flows[{name}].confirm", flow.confirm or "")]
        return texts

    def _phrases(self) -> list[tuple[str, str]]:
        of_intents = [
            (f"intents[{intent.name}].phrases", phrase)
            for intent in self.intents
            for phrase in intent.phrases
        ]
        of_slots = [
            (f"slots[{name}].phrases", phrase)
            for name, slot in self.slots.items()
            for phrase in slot.phrases
        ]
        return of_intents + of_slots
