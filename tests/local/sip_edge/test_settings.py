"""Settings of the edge: where they come from and what is refused."""

import pytest

from switchboard_contract.sip_routing import InboundTrunk
from switchboard_local.sip_edge.outgoing_request import read_request
from switchboard_local.sip_edge.settings import SettingsError, parse
from tests.local.sip_edge.placed_harness import payload

ENVIRONMENT = {
    "SWITCHBOARD_LIVEKIT_API_URL": "http://127.0.0.1:7880",
    "SWITCHBOARD_LIVEKIT_API_KEY": "key",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "hush",
}


def test_the_environment_is_enough_and_the_secret_is_not_shown() -> None:
    settings = parse([], ENVIRONMENT)
    assert settings.livekit_ws_url == "ws://127.0.0.1:7880"
    assert settings.livekit_secret == "hush"
    assert settings.advertised_ip == settings.listen_ip == "127.0.0.1"
    assert "hush" not in repr(settings)


def test_options_win() -> None:
    options = ["--livekit-url", "wss://lk.example", "--rtp-ports", "20001-20100", "--port", "0"]
    settings = parse(options, ENVIRONMENT)
    assert settings.livekit_url == "https://lk.example"
    assert settings.livekit_ws_url == "wss://lk.example"
    assert (settings.first_rtp_port, settings.last_rtp_port) == (20_002, 20_100)


def test_help_never_prints_the_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {**ENVIRONMENT, "SWITCHBOARD_REDIS_URL": "redis://:hush@r"})
    assert "hush" not in capsys.readouterr().out


def test_redis_is_optional_and_its_password_is_not_shown() -> None:
    assert parse([], ENVIRONMENT).redis_url == ""
    settings = parse([], {**ENVIRONMENT, "SWITCHBOARD_REDIS_URL": "redis://:hush@r"})
    assert settings.redis_url == "redis://:hush@r"
    assert "hush" not in repr(settings)
    assert parse(["--redis-url", "redis://x"], ENVIRONMENT).redis_url == "redis://x"


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {}),
        (["--listen-ip", "0.0.0.0"], ENVIRONMENT),
        (["--rtp-ports", "1-2"], ENVIRONMENT),
        (["--rtp-ports", "many"], ENVIRONMENT),
        (["--livekit-url", "127.0.0.1:7880"], ENVIRONMENT),
    ],
    ids=["no-livekit", "unspecified", "low-ports", "no-range", "no-scheme"],
)
def test_settings_that_cannot_work_are_refused(
    options: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(SettingsError):
        parse(options, environment)


def test_the_trunk_bounds_the_call_but_cannot_loosen_the_edges_bound() -> None:
    settings = parse(["--max-call-seconds", "100", "--ringing-timeout", "20"], ENVIRONMENT)
    assert settings.limits_of(None).duration_s == 100
    assert settings.limits_of(InboundTrunk(id="a")).ringing_s == 20
    limits = settings.limits_of(
        InboundTrunk(id="a", ringing_timeout_s=5.0, max_call_duration_s=500.0)
    )
    assert (limits.ringing_s, limits.duration_s) == (5.0, 100)


def test_who_waits_for_an_answer_waits_no_longer_than_the_question_lasts() -> None:
    settings = parse(["--max-call-seconds", "100", "--ringing-timeout", "20"], ENVIRONMENT)
    asked = read_request(payload(wait_until_answered=True))
    assert settings.limits_of_request(asked, 15.0).ringing_s == 15
    assert settings.limits_of_request(asked, 80.0).ringing_s == 20
    later = read_request(payload(wait_until_answered=False, max_call_duration={"seconds": 500}))
    limits = settings.limits_of_request(later, 15.0)
    assert (limits.ringing_s, limits.duration_s) == (20, 100)
