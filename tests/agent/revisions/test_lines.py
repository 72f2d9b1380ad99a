"""Which agent a number is answered by, and who is told when that changes."""

import logging

import pytest

from switchboard_agent.revisions.lines import Lines
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.line import Line, TwilioLine


def line(
    *, agent: str = "smile-dental/reception", numbers: tuple[str, ...] = ("+15550100",)
) -> Line:
    """A line as the operator makes it."""
    return Line(
        agent=agent,
        numbers=numbers,
        dispatch=DispatchMetadata(agent=agent, revision="0123456789"),
        twilio=TwilioLine(
            account_sid="AC1",
            auth_token_file="/run/token",
            public_url="https://voice.example",
            api_url="https://api.twilio.com",
        ),
    )


def test_line_is_found_by_agent_and_number() -> None:
    lines, first, second = Lines(), line(), line(agent="a/b", numbers=("+1", "+2"))
    lines.put("one", first.to_json())
    lines.put("two", second.to_json())
    assert lines.of_agent("a/b") == lines.of_number("+2") == second
    assert lines.of_number("+15550100") == first
    assert lines.of_number("+3") is None


def test_only_changes_are_told() -> None:
    lines, told = Lines(), list[Line]()
    lines.on_change = told.append
    for made in (line(), line(), line(numbers=("+2",))):
        lines.put("one", made.to_json())
    assert [one.numbers for one in told] == [("+15550100",), ("+2",)]


def test_fields_of_a_newer_operator_are_ignored() -> None:
    lines = Lines()
    lines.put("one", line().to_json().replace("{", '{"fax":true,', 1))
    assert lines.of_agent("smile-dental/reception") == line()


def test_what_is_no_line_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lines = Lines()
    lines.put("one", line().to_json())
    with caplog.at_level(logging.ERROR):
        lines.put("one", "{}")
    assert lines.of_agent("smile-dental/reception") == line()
    assert "line one is not valid" in caplog.text


def test_what_is_not_on_a_fresh_list_is_gone() -> None:
    lines = Lines()
    lines.put("one", line().to_json())
    lines.keep_only(frozenset({"two"}))
    assert lines.of_agent("smile-dental/reception") is None
