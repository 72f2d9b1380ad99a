import pytest
from pydantic import ValidationError

from switchboard_contract.dialog import Flow, Intent, Script, Slot, SlotType

_BOOK = {"name": "book", "phrases": ["book a table"], "flow": "booking"}
_SCRIPT = {
    "greeting": "This is {agent} of {business}.",
    "slots": {"day": {"type": "day", "ask": "Which day?"}},
    "intents": [_BOOK],
    "flows": {"booking": {"collect": ["day"], "confirm": "{day}?", "done": "Done."}},
}


def test_a_whole_script_is_accepted_and_survives_json() -> None:
    script = Script.model_validate(_SCRIPT)
    assert Script.model_validate_json(script.model_dump_json(by_alias=True)) == script


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"greeting": "Hello {nobody}"}, r"greeting names no slot: \{nobody\}"),
        ({"intents": [_BOOK | {"flow": "x"}]}, r"intents\[book\].flow names no flow: x"),
        ({"intents": [_BOOK | {"phrases": ["on {date}"]}]}, r"names no slot: \{date\}"),
        (
            {"flows": {"booking": {"collect": ["time"], "done": "Done."}}},
            r"flows\[booking\].collect names no slot: time",
        ),
        ({"slots": {"The Day": {"type": "day", "ask": "Which?"}}}, "no name of a slot"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_a_script_that_names_what_does_not_exist_is_refused(
    change: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        Script.model_validate(_SCRIPT | change)


@pytest.mark.parametrize("phrase", ["Book", "book a table.", "on {day", "", "book  it", "{}"])
def test_phrases_are_lower_case_words_and_slots_only(phrase: str) -> None:
    with pytest.raises(ValidationError):
        Intent(name="a", phrases=[phrase], say="Yes.")


def test_an_intent_that_does_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs say, flow, keys or hangUp"):
        Intent(name="a", phrases=["hello"])


def test_a_choice_without_choices_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs choices"):
        Slot(type=SlotType.CHOICE, ask="Which?")


def test_a_flow_collects_something() -> None:
    with pytest.raises(ValidationError):
        Flow(collect=[], done="Done.")


@pytest.mark.parametrize("keys", ["", "w", ",,", "12e", "1 2", "1" * 33])
def test_what_no_telephone_has_or_nobody_waits_for_is_no_keys(keys: str) -> None:
    with pytest.raises(ValidationError):
        Intent(name="a", phrases=["hello"], keys=keys)


def test_keys_are_enough_for_an_intent_but_start_no_flow() -> None:
    assert Intent(name="a", phrases=["hello"], keys="w,12*#AD").keys == "w,12*#AD"
    with pytest.raises(ValidationError, match="set keys on the flow"):
        Intent(name="a", phrases=["hello"], keys="1", flow="book")


def test_an_intent_that_transfers_says_so_and_does_nothing_else() -> None:
    with pytest.raises(ValidationError, match="transfer needs say, and neither flow nor hangUp"):
        Intent(name="a", phrases=["hello"], transfer=True, hang_up=True)
    with pytest.raises(ValidationError, match="at most one of transfer and hangUp"):
        Flow(collect=["day"], done="Done.", transfer=True, hang_up=True)
