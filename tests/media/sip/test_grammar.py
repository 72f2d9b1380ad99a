import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip import grammar
from switchboard_media.sip.grammar import Params
from tests.media.sip.messages import params


@given(st.text(max_size=30))
def test_quoted_text_comes_back(text: str) -> None:
    assert grammar.unquote(grammar.quote(text)) == text


@given(st.lists(st.text(max_size=8).map(str.strip), min_size=1, max_size=5))
def test_separators_inside_quotes_do_not_separate(pieces: list[str]) -> None:
    line = ",".join(grammar.quote(piece) for piece in pieces)
    assert [grammar.unquote(p) for p in grammar.split_outside(line, ",")] == pieces


def test_separators_inside_angle_brackets_do_not_separate() -> None:
    line = '"a, b" <sip:x;y=1,2>;z=1, <sip:c>'
    assert list(grammar.split_outside(line, ",")) == ['"a, b" <sip:x;y=1,2>;z=1', "<sip:c>"]


@pytest.mark.parametrize("line", ['"open', '"open\\"', "<open"])
def test_what_is_opened_must_be_closed(line: str) -> None:
    with pytest.raises(MalformedMessage, match="closed"):
        list(grammar.split_outside(line, ","))


@given(params)
def test_parameters_round_trip(made: Params) -> None:
    assert grammar.parse_params(str(made)) == made


def test_parameters_are_found_whatever_their_case() -> None:
    parsed = grammar.parse_params(' ; Tag=a ;lr; name = "x;y" ;')
    assert (parsed.get("tag"), parsed.get("LR"), "lr" in parsed) == ("a", None, True)
    assert parsed.get("name") == '"x;y"'


def test_a_parameter_is_replaced_in_its_place_and_removed() -> None:
    made = Params((("a", "1"), ("B", "2")))
    assert made.having("b", "3").having("c", None) == Params((("a", "1"), ("B", "3"), ("c", None)))
    assert made.without("A") == Params((("B", "2"),))


@pytest.mark.parametrize("text", ["a=1", ";=1", ";a b", ";a=b c"])
def test_broken_parameters_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        grammar.parse_params(text)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "٣", "99999999999", "65536"])
def test_numbers_are_plain_digits_in_range(text: str) -> None:
    with pytest.raises(MalformedMessage, match="a port"):
        grammar.number(text, "a port", limit=65_535)
