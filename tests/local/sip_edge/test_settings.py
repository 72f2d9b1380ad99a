"""Settings of the edge: where they come from and what is refused."""

import pytest

from switchboard_contract.sip_routing import InboundTrunk
from switchboard_local.sip_edge.settings import SettingsError, parse

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


def test_help_never_prints_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], ENVIRONMENT)
    assert "hush" not in capsys.readouterr().out


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
