from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip import digest
from switchboard_media.sip.digest import Challenge, Credentials, Freshness, NonceMint, Verdict
from tests.media.strategies import survives

RFC_2617_CHALLENGE = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_2617_CREDENTIALS = (
    'Digest username="Mufasa", realm="testrealm@host.com", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, '
    'nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
MINT = NonceMint(b"0123456789abcdef", lifetime_s=60.0)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)


def verdict(
    credentials: Credentials, password: str, freshness: Freshness = Freshness.FRESH
) -> Verdict:
    return digest.verify(
        credentials,
        realm="testrealm@host.com",
        username="Mufasa",
        password=password,
        method="GET",
        freshness=freshness,
    )


def test_the_example_of_rfc_2617_is_answered() -> None:
    """Section 3.5."""
    answer = digest.answer(
        digest.parse_challenge(RFC_2617_CHALLENGE),
        username="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
        cnonce="0a4f113b",
    )
    assert answer.response == "6629fae49393a05397450978507c4ef1"
    assert answer == digest.parse_credentials(RFC_2617_CREDENTIALS)


def test_the_example_of_rfc_7616_is_answered_by_sha_256() -> None:
    """Section 3.9.1."""
    challenge = Challenge(
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        algorithm="SHA-256",
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    )
    answer = digest.answer(
        challenge,
        username="Mufasa",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert answer.response == expected


def test_the_form_before_rfc_2617_is_answered_and_verified() -> None:
    challenge = Challenge(realm="testrealm@host.com", nonce="abc", qop="")
    answer = digest.answer(
        challenge, username="Mufasa", password="p", method="GET", uri="sip:a@b", cnonce="unused"
    )
    assert (answer.nc, answer.cnonce, answer.qop) == ("", "", "")
    assert verdict(digest.parse_credentials(str(answer)), "p") is Verdict.ACCEPTED


def test_the_right_password_is_accepted_and_anything_else_refused() -> None:
    credentials = digest.parse_credentials(RFC_2617_CREDENTIALS)
    assert verdict(credentials, "Circle Of Life") is Verdict.ACCEPTED
    assert verdict(credentials, "circle of life") is Verdict.REFUSED
    assert verdict(replace(credentials, uri="/other"), "Circle Of Life") is Verdict.REFUSED
    assert verdict(replace(credentials, nc="00000002"), "Circle Of Life") is Verdict.REFUSED


def test_credentials_of_another_user_or_realm_are_refused_even_with_the_same_password() -> None:
    for challenge, user in [("testrealm@host.com", "Scar"), ("other", "Mufasa")]:
        answer = digest.answer(
            Challenge(realm=challenge, nonce="abc"),
            username=user,
            password="p",
            method="GET",
            uri="/",
            cnonce="c",
        )
        assert verdict(answer, "p") is Verdict.REFUSED


def test_an_old_nonce_is_stale_only_with_the_right_password() -> None:
    credentials = digest.parse_credentials(RFC_2617_CREDENTIALS)
    assert verdict(credentials, "Circle Of Life", Freshness.STALE) is Verdict.STALE
    assert verdict(credentials, "wrong", Freshness.STALE) is Verdict.REFUSED
    assert verdict(credentials, "Circle Of Life", Freshness.FORGED) is Verdict.REFUSED


def test_a_nonce_is_fresh_for_its_lifetime_then_stale() -> None:
    nonce = MINT.mint(1000.0)
    ages = [MINT.freshness(nonce, 1000.0 + age) for age in (0.0, 59.9, 60.5, 1e6)]
    assert ages == [Freshness.FRESH, Freshness.FRESH, Freshness.STALE, Freshness.STALE]


def test_a_nonce_of_another_key_or_a_changed_one_is_forged() -> None:
    nonce = MINT.mint(1000.0)
    later = f"{int(nonce[:12], 16) + 1:012x}{nonce[12:]}"
    for wrong in (NonceMint(b"another key 1234").mint(1000.0), later, nonce[:-1], "", "é" * 44):
        assert MINT.freshness(wrong, 1000.0) is Freshness.FORGED


@given(
    words, words, st.sampled_from(["MD5", "SHA-256"]), st.sampled_from(["", "auth"]), st.booleans()
)
def test_challenges_round_trip_and_their_answers_are_accepted(
    realm: str, password: str, algorithm: str, qop: str, stale: bool
) -> None:
    challenge = Challenge(realm, MINT.mint(5.0), algorithm, qop, "opaque", stale)
    assert digest.parse_challenge(str(challenge)) == challenge
    answer = digest.answer(
        challenge, username=realm, password=password, method="INVITE", uri="sip:a@b", cnonce="c"
    )
    received = digest.parse_credentials(str(answer))
    assert received == answer
    proven = digest.verify(
        received,
        realm=realm,
        username=realm,
        password=password,
        method="INVITE",
        freshness=MINT.freshness(received.nonce, 6.0),
    )
    assert proven is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic dXNlcg==",
        "Digest",
        "Digest realm",
        RFC_2617_CREDENTIALS.replace("username=", "user="),
        RFC_2617_CREDENTIALS.replace("nc=00000001", "nc=1"),
        RFC_2617_CREDENTIALS.replace("qop=auth", "qop=auth-int"),
        RFC_2617_CREDENTIALS.replace('response="66', 'response="xy'),
        RFC_2617_CREDENTIALS + ', username="Scar"',
        RFC_2617_CREDENTIALS + ", algorithm=MD4",
        RFC_2617_CREDENTIALS[:-1],
    ],
)
def test_credentials_that_cannot_be_checked_are_refused(value: str) -> None:
    with pytest.raises(MalformedMessage):
        digest.parse_credentials(value)


def test_a_challenge_for_whole_message_protection_only_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="protection"):
        digest.parse_challenge('Digest realm="a", nonce="b", qop="auth-int"')


@given(
    st.text(max_size=60) | st.text('Digest ",=\\abcrealmnonceuri', max_size=80),
    st.sampled_from([digest.parse_challenge, digest.parse_credentials]),
)
def test_any_text_is_a_digest_header_or_the_documented_error(
    text: str, parse: Callable[[str], object]
) -> None:
    for value in (text, f"Digest {text}"):
        survives(parse, value, MalformedMessage)
