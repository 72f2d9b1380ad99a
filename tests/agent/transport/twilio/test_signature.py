"""Only who holds the auth token can sign, and only what Twilio signed passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.twilio.signature import is_signed, sign

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
"""Of Twilio's documentation."""


def test_documented_request_has_the_documented_signature() -> None:
    assert sign(TOKEN, URL, FORM) == SIGNATURE
    assert is_signed(TOKEN, URL, FORM, SIGNATURE)


def test_port_of_the_scheme_makes_no_difference() -> None:
    with_port = URL.replace(".com/", ".com:443/")
    assert is_signed(TOKEN, with_port, FORM, SIGNATURE)
    assert is_signed(TOKEN, URL, FORM, sign(TOKEN, with_port, FORM))
    assert not is_signed(TOKEN, URL.replace(".com/", ".com:8443/"), FORM, SIGNATURE)


def test_value_that_comes_twice_is_signed_once() -> None:
    assert sign(TOKEN, URL, [*FORM, ("Digits", "1234")]) == SIGNATURE


@pytest.mark.parametrize(
    ("token", "url", "form", "signature"),
    [
        ("12346", URL, FORM, SIGNATURE),
        (TOKEN, URL + "1", FORM, SIGNATURE),
        (TOKEN, URL, [*FORM, ("Extra", "1")], SIGNATURE),
        (TOKEN, URL, FORM[:-1], SIGNATURE),
        (TOKEN, URL, FORM, ""),
        (TOKEN, URL, FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8"),
        (TOKEN, URL, FORM, "\udcff"),
    ],
)
def test_anything_changed_is_refused(
    token: str, url: str, form: list[tuple[str, str]], signature: str
) -> None:
    assert not is_signed(token, url, form, signature)


@given(st.text())
def test_no_guess_passes(guess: str) -> None:
    if guess != SIGNATURE:
        assert not is_signed(TOKEN, URL, FORM, guess)
