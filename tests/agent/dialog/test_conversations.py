"""Whole conversations with the sample receptionist, as tables of what was heard and said."""

import pytest

from tests.agent.dialog.conversing import SILENCE, Conversation

Table = list[tuple[str, str]]

_CONFIRM = "So that is Sarah Johnson, {}, at {}, phone number 5 5 5, 1 2 3 4. Is that right?"
_GOODBYE = "Thank you for calling Smile Dental. Goodbye."
_ASK = "How can I help you?"
_SORRY = "Sorry, I did not understand that."

_BOOKED: Table = [
    ("hello i would like to book an appointment", "Certainly. What is your name?"),
    ("my name is sarah johnson", "Which day would suit you?"),
    ("next tuesday at three o'clock", "What is your phone number?"),
    (
        "my phone number is five five five one two three four",
        _CONFIRM.format("next Tuesday", "three in the afternoon"),
    ),
]

_TABLES: dict[str, Table] = {
    "booking with a correction": [
        *_BOOKED,
        (
            "actually no wednesday would be better",
            _CONFIRM.format("Wednesday", "three in the afternoon"),
        ),
        (
            "yes that is right",
            (
                "You are booked for Wednesday at three in the afternoon. "
                "Is there anything else I can do for you?"
            ),
        ),
        ("that is all thank you goodbye", _GOODBYE),
    ],
    "a no leads to what should change": [
        *_BOOKED,
        (
            "no that is wrong",
            "What would you like to change: the name, the day, the time or the phone number?",
        ),
        ("the time", "At what time?"),
        ("half past two", _CONFIRM.format("next Tuesday", "two thirty in the afternoon")),
        (
            "no wait make it monday at ten",
            _CONFIRM.format("Monday", "ten in the morning"),
        ),
        (
            "that is perfect thank you",
            (
                "You are booked for Monday at ten in the morning. "
                "Is there anything else I can do for you?"
            ),
        ),
        ("no thank you", _GOODBYE),
    ],
    "a slot named wrong is asked again": [
        *_BOOKED,
        ("the phone number is wrong", "What is your phone number?"),
        (
            "nine zero two seven six eight one",
            (
                "So that is Sarah Johnson, next Tuesday, at three in the afternoon, "
                "phone number 9 0 2, 7 6 8 1. Is that right?"
            ),
        ),
    ],
    "a change of mind after the end opens the booking again": [
        *_BOOKED,
        (
            "yes please",
            (
                "You are booked for next Tuesday at three in the afternoon. "
                "Is there anything else I can do for you?"
            ),
        ),
        (
            "sorry i changed my mind friday afternoon please",
            _CONFIRM.format("Friday", "three in the afternoon"),
        ),
    ],
    "a part of the day that contradicts the time asks for it again": [
        *_BOOKED,
        ("sorry i changed my mind friday morning please", "At what time?"),
        ("at nine", _CONFIRM.format("Friday", "nine in the morning")),
    ],
    "corrections before the confirmation are acknowledged": [
        *_BOOKED[:3],
        ("no wednesday would be better", "Okay, Wednesday. What is your phone number?"),
    ],
    "day and part of the day come with the wish": [
        (
            "i would like to come in for a cleaning on friday morning",
            "Certainly. What is your name?",
        ),
        ("this is michael brown", "At what time?"),
        ("one moment please", "Take your time."),
        ("friday at four", "What is your phone number?"),
        ("nine zero two", "9 0 2. And the rest?"),
        (
            "seven six eight one",
            (
                "So that is Michael Brown, Friday, at four in the afternoon, "
                "phone number 9 0 2, 7 6 8 1. Is that right?"
            ),
        ),
    ],
    "questions of fact do not disturb a booking": [
        (
            "i have a terrible toothache",
            "I am sorry to hear that. Let us find you an appointment. What is your name?",
        ),
        (
            "what time do you open on saturday",
            (
                "We are open from eight to six, Monday to Friday, and from nine to one on "
                "Saturday. What is your name?"
            ),
        ),
        ("david miller", "Which day would suit you?"),
    ],
    "questions of fact without a booking": [
        (
            "do you take insurance",
            f"Yes, we take all common dental insurance plans. {_ASK}",
        ),
        ("where are you located", f"We are at twelve Market Street, next to the library. {_ASK}"),
        (
            "i want to speak to a person",
            (
                "I am sorry, nobody is free to talk at the moment, but I can take your booking. "
                f"{_ASK}"
            ),
        ),
        ("please send me a text message", f"I am sorry, I cannot send text messages. {_ASK}"),
        (
            "is there anything earlier",
            (
                "I can only note the day and the time that you wish. We call back if it is taken. "
                f"{_ASK}"
            ),
        ),
        ("good morning", f"Hello. {_ASK}"),
        ("no thank you", _GOODBYE),
    ],
    "moving an appointment": [
        (
            "i need to reschedule my appointment",
            "No problem, we can move it. What is your name?",
        ),
        ("my name is sarah johnson", "Which day would suit you?"),
        (
            "thursday the fourteenth of june at ten thirty",
            (
                "So Sarah Johnson would like to come Thursday the fourteenth of June at ten thirty "
                "in the morning instead. Is that right?"
            ),
        ),
        (
            "yes that is right",
            (
                "Your appointment is moved to Thursday the fourteenth of June at ten thirty in the "
                "morning. Is there anything else?"
            ),
        ),
    ],
    "cancelling an appointment": [
        (
            "i would like to cancel my appointment",
            "I can cancel it for you. What is your name?",
        ),
        ("my name is david miller", "Which day would suit you?"),
        (
            "the tenth of march",
            "So I cancel the appointment of David Miller, the tenth of March. Is that right?",
        ),
        ("yes", "It is cancelled. Is there anything else I can do for you?"),
    ],
    "a new errand keeps the caller's name and phone number only": [
        *_BOOKED,
        (
            "yes",
            (
                "You are booked for next Tuesday at three in the afternoon. "
                "Is there anything else I can do for you?"
            ),
        ),
        (
            "i need to reschedule my appointment",
            "No problem, we can move it. Which day would suit you?",
        ),
    ],
    "repeating": [
        ("can you repeat that please", "Thank you for calling Smile Dental. This is Ava. " + _ASK),
        ("i need an appointment", "Certainly. What is your name?"),
        ("can you repeat that please", "Certainly. What is your name?"),
        ("keys:*", "Certainly. What is your name?"),
    ],
    "keys do for digits and for yes": [
        *_BOOKED[:3],
        ("keys:555", "5 5 5. And the rest?"),
        ("keys:1234", _CONFIRM.format("next Tuesday", "three in the afternoon")),
        (
            "keys:2",
            "What would you like to change: the name, the day, the time or the phone number?",
        ),
        ("monday", _CONFIRM.format("Monday", "three in the afternoon")),
        (
            "keys:1",
            (
                "You are booked for Monday at three in the afternoon. "
                "Is there anything else I can do for you?"
            ),
        ),
    ],
    "what is not understood twice brings help, then an end": [
        *_BOOKED[:3],
        (
            "purple monkeys",
            f"{_SORRY} Please say the seven digits of your phone number, one by one.",
        ),
        (
            "dishwasher",
            (
                f"{_SORRY} Please say the seven digits of your phone number, one by one. "
                "You can also enter the 7 digits with the keys of your phone."
            ),
        ),
        (
            "",
            "I am sorry, I cannot understand you. Please call again later. " + _GOODBYE,
        ),
    ],
    "understanding forgives": [
        ("purple monkeys", f"{_SORRY} {_ASK}"),
        (
            "dishwasher",
            (
                f"{_SORRY} You can book, move or cancel an appointment, or ask for our opening "
                "hours, our address or insurance."
            ),
        ),
        ("i need an appointment", "Certainly. What is your name?"),
        ("dishwasher", f"{_SORRY} Please tell me your first and your last name."),
    ],
    "silence is asked about twice, then ends": [
        (SILENCE, f"Are you still there? {_ASK}"),
        ("i need an appointment", "Certainly. What is your name?"),
        (SILENCE, "Are you still there? What is your name?"),
        (SILENCE, "Are you still there? What is your name?"),
        (SILENCE, _GOODBYE),
    ],
    "values alone begin the first flow that wants them": [
        ("monday morning at nine", "What is your name?"),
        ("my name is sarah johnson", "What is your phone number?"),
    ],
}

_ENDS = {_GOODBYE, f"I am sorry, I cannot understand you. Please call again later. {_GOODBYE}"}


@pytest.mark.parametrize("name", _TABLES)
async def test_conversation(name: str) -> None:
    conversation = Conversation()
    for heard, said in _TABLES[name]:
        reply = await conversation.say(heard)
        assert (heard, reply.text) == (heard, said)
        assert reply.end_call == (said in _ENDS)


async def test_a_finished_flow_leaves_its_name_and_what_was_learned() -> None:
    conversation = Conversation()
    for heard, _ in _TABLES["booking with a correction"]:
        await conversation.say(heard)
    assert conversation.dialog.result == "booking"
    assert dict(conversation.dialog.slots) == {
        "name": "Sarah Johnson",
        "day": "wednesday",
        "time": "15:00",
        "phone": "5551234",
    }


async def test_an_unconfirmed_flow_has_no_result() -> None:
    conversation = Conversation()
    for heard, _ in _BOOKED:
        await conversation.say(heard)
    assert conversation.dialog.result == ""
