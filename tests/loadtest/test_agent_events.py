from switchboard_loadtest.agent_events import join
from tests.loadtest.results import agent


def test_events_are_joined_by_test_id_in_their_order_and_counted_once() -> None:
    one, two = agent("one"), agent("two")
    mixed = [*reversed(one.events), *two.events, *one.events]
    assert join(mixed, ["one", "three"]) == {"one": one}


def test_a_conversation_tells_what_was_understood_and_heard_in_order_of_time() -> None:
    assert [(line.who, line.text) for line in agent().conversation] == [
        ("agent", "Hello."),
        ("caller", "i would like to book an appointment"),
        ("agent", "Which day? [interrupted]"),
        ("caller", "good buy"),
    ]
    assert agent().understood == ["i would like to book an appointment", "good buy"]
