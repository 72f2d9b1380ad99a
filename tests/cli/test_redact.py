"""What may leave a cluster in a support bundle."""

import base64
from typing import Any

import pytest

from switchboard_cli.bundle.livekit import shown
from switchboard_cli.bundle.redact import HIDDEN, Redactor, secret_values

_SECRET = "v3ry-s3cret-value"
_REDACTOR = Redactor({_SECRET, "abc"}, ["+15550100"])


def test_what_a_secret_holds_is_replaced_and_its_keys_stay() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "x"}, "data": {"password": "eHg="}}
    assert _REDACTOR.object(secret)["data"] == {"password": HIDDEN}


def test_the_values_of_secrets_are_found_everywhere_in_every_form() -> None:
    encoded = base64.b64encode(_SECRET.encode()).decode()
    pod = {"kind": "Pod", "metadata": {"annotations": {"a": f"x {_SECRET}"}}, "status": [encoded]}
    shown_pod = _REDACTOR.object(pod)
    assert shown_pod["metadata"]["annotations"] == {"a": f"x {HIDDEN}"}
    assert shown_pod["status"] == [HIDDEN]
    assert _REDACTOR.text(f"url={_SECRET}/x") == f"url={HIDDEN}/x"


def test_short_values_do_not_take_words_along() -> None:
    assert _REDACTOR.text("abc of abcissa") == "abc of abcissa"


@pytest.mark.parametrize("name", ["HTTP_PASSWORD", "apiKey", "API_KEY", "DB_TOKEN", "REDIS_URL"])
def test_variables_named_like_credentials_lose_their_value(name: str) -> None:
    env = [{"name": name, "value": "plain"}, {"name": "LEVEL", "value": "INFO"}]
    env.append({"name": "SECRET", "valueFrom": "kept"})
    pod = {"kind": "Pod", "metadata": {}, "spec": {"containers": [{"env": env}]}}
    found: list[dict[str, Any]] = _REDACTOR.object(pod)["spec"]["containers"][0]["env"]
    assert found == [{"name": name, "value": HIDDEN}, env[1], env[2]]


@pytest.mark.parametrize(
    ("line", "without"),
    [
        ("redis://user:pw@host:1", "redis://<hidden>@host:1"),
        ("https://llm/v1?key=abc&x=1", "https://llm/v1?key=<hidden>&x=1"),
        ("Authorization: Bearer abcdefgh1234", "Authorization: Bearer <hidden>"),
        ("token eyJhbGciOi.eyJzdWIi.sig here", "token <hidden> here"),
        ('{"password": "x y", "a": 1}', '{"password": "<hidden>", "a": 1}'),
        ("api_key=abc;next", "api_key=<hidden>;next"),
        ("call of +15559990001 to +15550100", "call of <number> to +15550100"),
        ("sip:15559990001@carrier", "sip:<number>@carrier"),
        ("room sb-clinic-desk_+15559990001_a8f closed", "room <room> closed"),
        ("-----BEGIN PRIVATE KEY-----\nxyz\n-----END PRIVATE KEY-----", "<hidden>"),
        ("reconciled 15559990001 at 2026-03-01", "reconciled 15559990001 at 2026-03-01"),
    ],
)
def test_logs_lose_credentials_and_callers(line: str, without: str) -> None:
    assert _REDACTOR.text(line) == without


def test_what_the_business_wrote_stays() -> None:
    say = "Call us at +15551234567."
    agent = {"kind": "VoiceAgent", "metadata": {}, "spec": {"say": say}, "status": {"m": say}}
    assert _REDACTOR.object(agent)["spec"] == {"say": say}
    assert _REDACTOR.object(agent)["status"] == {"m": "Call us at <number>."}


def test_what_kubectl_remembers_of_a_secret_goes() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    metadata = {"annotations": {key: "{}", "kept": "x"}, "managedFields": [{}], "name": "n"}
    found = _REDACTOR.object({"kind": "Secret", "metadata": metadata})
    assert found["metadata"] == {"annotations": {"kept": "x"}, "name": "n"}


def test_names_of_users_are_no_secrets() -> None:
    data = {"username": "switchboard", "password": _SECRET, "broken": "%%"}
    encoded = {
        key: value if key == "broken" else base64.b64encode(value.encode()).decode()
        for key, value in data.items()
    }
    assert secret_values([{"data": encoded}]) == {_SECRET}


def test_credentials_of_trunks_are_not_shown() -> None:
    from livekit.protocol.sip import SIPInboundTrunkInfo  # noqa: PLC0415 - only here

    trunk = SIPInboundTrunkInfo(name="t", auth_username="u", auth_password="p", headers={"X": "y"})
    assert shown(trunk) == {
        "name": "t",
        "auth_username": "u",
        "auth_password": HIDDEN,
        "headers": HIDDEN,
    }
