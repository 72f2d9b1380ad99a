import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.dialog.slots.base import Found, SlotGrammar
from switchboard_agent.dialog.slots.choice import ChoiceGrammar
from switchboard_agent.dialog.slots.day import DayGrammar
from switchboard_agent.dialog.slots.name import NameGrammar
from switchboard_agent.dialog.slots.numbers import number_words, ordinal_words
from switchboard_agent.dialog.slots.phone import PhoneGrammar, spell
from switchboard_agent.dialog.slots.time import TimeGrammar
from switchboard_agent.dialog.slots.yes_no import YesNoGrammar

_ALL: list[SlotGrammar] = [
    NameGrammar(),
    DayGrammar(),
    TimeGrammar(),
    PhoneGrammar(7),
    YesNoGrammar(),
    ChoiceGrammar(("red wine", "white wine")),
]


def _value(grammar: SlotGrammar, text: str, *, asked: bool = True) -> str | None:
    found = grammar.find(text.split(), asked=asked)
    return found.value if found and found.precise else None


@pytest.mark.parametrize(
    ("said", "value", "read_back"),
    [
        ("wednesday", "wednesday", "Wednesday"),
        ("next tuesday at three o'clock", "next tuesday", "next Tuesday"),
        ("the tenth of march", "10 march", "the tenth of March"),
        ("march the tenth please", "10 march", "the tenth of March"),
        ("march tenth", "10 march", "the tenth of March"),
        (
            "thursday the fourteenth of june at ten thirty",
            "thursday 14 june",
            "Thursday the fourteenth of June",
        ),
        ("the twenty first of may", "21 may", "the twenty first of May"),
        ("the thirty first", "31", "the thirty first"),
        ("the day after tomorrow", "the day after tomorrow", "the day after tomorrow"),
        ("tomorrow", "tomorrow", "tomorrow"),
        ("not tuesday wednesday", "wednesday", "Wednesday"),
        ("may i come in", None, None),
        ("next please", None, None),
        ("the thirty second", None, None),
    ],
)
def test_days_are_heard_and_read_back(said: str, value: str | None, read_back: str | None) -> None:
    grammar = DayGrammar()
    assert _value(grammar, said) == value
    if value is not None:
        assert grammar.say(value) == read_back


@pytest.mark.parametrize(
    ("said", "value", "read_back"),
    [
        ("at nine", "09:00", "nine in the morning"),
        ("three o'clock", "15:00", "three in the afternoon"),
        ("half past two", "14:30", "two thirty in the afternoon"),
        ("two thirty", "14:30", "two thirty in the afternoon"),
        ("quarter past eleven", "11:15", "eleven fifteen in the morning"),
        ("a quarter to three", "14:45", "two forty five in the afternoon"),
        ("twenty past nine", "09:20", "nine twenty in the morning"),
        ("nine oh five", "09:05", "nine oh five in the morning"),
        ("ten forty five", "10:45", "ten forty five in the morning"),
        ("twenty five past four", "16:25", "four twenty five in the afternoon"),
        ("monday morning at nine", "09:00", "nine in the morning"),
        ("tuesday afternoon at two thirty", "14:30", "two thirty in the afternoon"),
        ("seven in the evening", "19:00", "seven in the evening"),
        ("eight p m", "20:00", "eight in the evening"),
        ("six am", "06:00", "six in the morning"),
        ("noon", "12:00", "noon"),
        ("good morning", None, None),
        ("five five five one two", None, None),
    ],
)
def test_times_are_heard_and_read_back(said: str, value: str | None, read_back: str | None) -> None:
    grammar = TimeGrammar()
    assert _value(grammar, said) == value
    if value is not None:
        assert grammar.say(value) == read_back


def test_a_part_of_the_day_is_remembered_but_is_no_time() -> None:
    grammar = TimeGrammar()
    assert grammar.find(["friday", "afternoon"], asked=False) == Found(
        "afternoon", 1, 2, precise=False
    )
    assert grammar.combine("evening", Found("08:00", 0, 1)).value == "20:00"
    assert grammar.combine("morning", Found("16:00", 0, 1)).value == "16:00"
    assert grammar.agrees("14:30", "afternoon")
    assert not grammar.agrees("09:00", "afternoon")


def test_a_lonely_number_is_a_time_only_where_a_time_was_asked_for() -> None:
    grammar = TimeGrammar()
    assert _value(grammar, "nine", asked=True) == "09:00"
    assert _value(grammar, "nine", asked=False) is None
    assert _value(grammar, "at nine", asked=False) == "09:00"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("my phone number is five five five one two three four", "5551234"),
        ("nine oh two seven six eight one", "9027681"),
        ("double five five one two three four", "5551234"),
        ("triple five one two three four", "5551234"),
        ("five five five um one two three four", "5551234"),
        ("5 5 5 1 2 3 4", "5551234"),
        ("five five five", None),
        ("five five five one two three four five", None),
        ("double", None),
    ],
)
def test_phone_numbers_are_heard_digit_by_digit(said: str, value: str | None) -> None:
    assert _value(PhoneGrammar(7), said) == value


def test_halves_of_a_phone_number_become_one() -> None:
    grammar = PhoneGrammar(7)
    half = grammar.find(["five", "five", "five"], asked=True)
    assert half == Found("555", 0, 3, precise=False)
    rest = grammar.find(["one", "two", "three", "four"], asked=True)
    assert rest is not None
    whole = grammar.combine("555", rest)
    assert (whole.value, whole.precise) == ("5551234", True)


def test_half_a_phone_number_is_heard_only_where_one_was_asked_for() -> None:
    assert PhoneGrammar(7).find(["five", "five", "five"], asked=False) is None


@given(st.text("0123456789", min_size=7, max_size=7))
def test_any_keyed_number_is_read_back_digit_by_digit(digits: str) -> None:
    grammar = PhoneGrammar(7)
    assert grammar.from_keys(f"{digits}#") == digits
    assert grammar.say(digits).replace(",", "").split() == list(digits)


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [("5551234", "5 5 5, 1 2 3 4"), ("12", "1 2"), ("12345678", "1 2 3 4, 5 6 7 8"), ("", "")],
)
def test_digits_are_grouped_with_pauses(digits: str, spoken: str) -> None:
    assert spell(digits) == spoken


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("my name is sarah johnson", "Sarah Johnson"),
        ("this is michael brown", "Michael Brown"),
        ("hello this is peter okonkwo speaking", "Peter Okonkwo"),
        ("zoe van dam", "Zoe Van Dam"),
        ("sarah johnson please", "Sarah Johnson"),
        ("one moment please", None),
        ("it is nine", None),
        ("this is wrong", None),
    ],
)
def test_names_are_heard_where_they_are_asked_for(said: str, value: str | None) -> None:
    assert _value(NameGrammar(), said) == value


def test_elsewhere_only_known_or_introduced_names_are_heard() -> None:
    grammar = NameGrammar(("anna taylor",))
    assert _value(grammar, "yes anna taylor", asked=False) == "Anna Taylor"
    assert _value(grammar, "my name is peter pan", asked=False) == "Peter Pan"
    assert _value(grammar, "peter pan", asked=False) is None
    assert _value(grammar, "this is terrible", asked=False) is None


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("yes please", "yes"),
        ("that works for me", "yes"),
        ("okay sounds good", "yes"),
        ("no thank you", "no"),
        ("that is not right", "no"),
        ("nine", None),
    ],
)
def test_yes_and_no_have_many_forms(said: str, value: str | None) -> None:
    assert _value(YesNoGrammar(), said) == value


def test_choices_are_said_or_keyed() -> None:
    grammar = ChoiceGrammar(("wine", "white wine"))
    assert _value(grammar, "the white wine please") == "white wine"
    assert grammar.from_keys("1") == "wine"
    assert grammar.from_keys("3") is None
    assert grammar.key_hint == "Press 1 for wine, 2 for white wine."


@pytest.mark.parametrize(
    ("keys", "value"),
    [("1430", "14:30"), ("0900", "09:00"), ("230", "14:30"), ("9", "09:00"), ("2599", None)],
)
def test_times_can_be_keyed(keys: str, value: str | None) -> None:
    assert TimeGrammar().from_keys(keys) == value


@pytest.mark.parametrize(
    ("grammar", "said"),
    [
        (PhoneGrammar(7), "my number is five five"),
        (PhoneGrammar(7), "five five five one two three double"),
        (DayGrammar(), "the tenth of"),
        (TimeGrammar(), "half past"),
        (NameGrammar(), "my name is"),
    ],
)
def test_unfinished_values_are_open(grammar: SlotGrammar, said: str) -> None:
    assert grammar.is_open(said.split())


@pytest.mark.parametrize("grammar", _ALL, ids=lambda grammar: type(grammar).__name__)
def test_every_example_is_understood_as_a_value(grammar: SlotGrammar) -> None:
    for example in grammar.examples():
        found = grammar.find(example.split(), asked=True)
        assert found is not None, example
        assert grammar.say(found.value)


_WORDS = st.lists(
    st.sampled_from(
        [
            *sorted({w for g in _ALL for e in [*g.examples(), *g.answers] for w in e.split()}),
            *("", "double", "oh", "um", "7"),
        ]
    ),
    max_size=12,
)


@given(_WORDS, st.booleans(), st.sampled_from(_ALL))
def test_any_words_give_a_span_inside_them_or_nothing(
    words: list[str], asked: bool, grammar: SlotGrammar
) -> None:
    found = grammar.find(words, asked=asked)
    grammar.is_open(words)
    if found is not None:
        assert 0 <= found.start < found.end <= len(words)
        assert grammar.say(found.value)
        assert "" not in words[found.start : found.end]


def test_double_alone_is_no_number() -> None:
    assert PhoneGrammar(7).find(["double"], asked=True) is None


@pytest.mark.parametrize(("number", "words"), [(0, "zero"), (19, "nineteen"), (45, "forty five")])
def test_numbers_have_words(number: int, words: str) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(1, "first"), (20, "twentieth"), (30, "thirtieth"), (31, "thirty first")]
)
def test_ordinals_have_words(number: int, words: str) -> None:
    assert ordinal_words(number) == words
