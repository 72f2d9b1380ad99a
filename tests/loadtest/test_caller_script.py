import pytest

from switchboard_loadtest import caller_script
from switchboard_loadtest.caller_script import Expected, Says
from switchboard_loadtest.errors import CallerScriptError
from switchboard_loadtest.sip_scenario import Ending

_WHOLE = """
hang_up_ms = 9000
[[says]]
at_ms = 1000
text = "hello"
barge_in = true
[[says]]
at_ms = 3000
keys = "42#"
[expected]
outcomes = ["completed"]
result = "booking"
[expected.slots]
day = "tuesday"
"""


def test_a_script_is_read_whole() -> None:
    script = caller_script.parse(_WHOLE, "whole")
    assert script.says == (Says(1000, "hello", barge_in=True), Says(3000, "", keys="42#"))
    assert script.expected == Expected(("completed",), "booking", {"day": "tuesday"})
    assert script.ending is Ending.SPEAK
    assert script.said == ["hello"]


@pytest.mark.parametrize("name", caller_script.names())
def test_every_packaged_script_is_sound(name: str) -> None:
    script = caller_script.load(name)
    assert script.name == name
    assert (script.ending is Ending.SPEAK) == bool(script.expected.outcomes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hang_up_ms = 0", "hang_up_ms is 0"),
        ("hang_up_ms = 'x'", "cannot be read"),
        ("", "cannot be read"),
        ("= =", "cannot be read"),
        ("hang_up_ms = 1000\nending = 'vanish'", "cannot be read"),
        ("hang_up_ms = 1000\n[[says]]\nat_ms = 5\nloud = true", "cannot be read"),
        ("hang_up_ms = 1000\n[[says]]\nat_ms = 5\ntext = ''", "needs text or keys"),
        ("hang_up_ms = 1000\n[[says]]\nat_ms = 5\ntext = 'a'\nkeys = '1'", "needs text or keys"),
        ("hang_up_ms = 1000\n[[says]]\nat_ms = 1000\ntext = 'a'", "after the hang-up"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_with_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(CallerScriptError, match=reason) as caught:
        caller_script.parse(text, "bad")
    assert caught.value.remedy


def test_an_unknown_script_names_the_known_ones() -> None:
    with pytest.raises(CallerScriptError, match="booking_short"):
        caller_script.load("nothing")
