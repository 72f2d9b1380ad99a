"""The environment is read once, completely, and every fault is named."""

from pathlib import Path

import pytest

from switchboard_agent.settings import SettingsError, read_settings

COMPLETE = {
    "SWITCHBOARD_POOL": "smile-dental.reception",
    "SWITCHBOARD_NAMESPACE": "smile-dental",
    "SWITCHBOARD_LIVEKIT_URL": "ws://livekit:7880",
    "SWITCHBOARD_LIVEKIT_API_KEY": "key",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "secret",
    "SWITCHBOARD_REDIS_URL": "redis://redis:6379",
}


def test_what_the_operator_sets_is_enough() -> None:
    settings = read_settings(COMPLETE | {"SWITCHBOARD_MAX_CALLS": "25"})
    assert settings.max_calls == 25
    assert settings.revisions_directory is None
    assert settings.kubernetes.url == "https://kubernetes.default.svc"
    assert settings.http_port == 8080


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {
                "SWITCHBOARD_LIVEKIT_URL": "http://livekit",
                "SWITCHBOARD_MAX_CALLS": "0",
                "SWITCHBOARD_DRAIN_SECONDS": "soon",
                "SWITCHBOARD_REVISIONS": "dir:",
                "SWITCHBOARD_LOG_LEVEL": "loud",
            }
        )
    for name in (
        "SWITCHBOARD_POOL is not set",
        "SWITCHBOARD_REDIS_URL is not set",
        "SWITCHBOARD_LIVEKIT_URL must begin",
        "SWITCHBOARD_MAX_CALLS is '0'",
        "SWITCHBOARD_DRAIN_SECONDS is 'soon'",
        "SWITCHBOARD_REVISIONS is 'dir:'",
        "SWITCHBOARD_LOG_LEVEL is 'LOUD'",
    ):
        assert name in str(caught.value)


def test_twilio_has_no_port_unless_it_is_given_one() -> None:
    assert read_settings(COMPLETE).twilio_port is None
    asked = COMPLETE | {"SWITCHBOARD_TWILIO_PORT": "8081", "SWITCHBOARD_HOST": "10.0.0.7"}
    settings = read_settings(asked)
    assert (settings.twilio_port, settings.host) == (8081, "10.0.0.7")
    with pytest.raises(SettingsError, match="SWITCHBOARD_TWILIO_PORT is 'on'"):
        read_settings(COMPLETE | {"SWITCHBOARD_TWILIO_PORT": "on"})


def test_revisions_can_come_from_a_directory() -> None:
    settings = read_settings(COMPLETE | {"SWITCHBOARD_REVISIONS": "dir:/srv/revisions"})
    assert settings.revisions_directory == Path("/srv/revisions")


def test_outside_a_pod_the_api_server_is_named_by_the_environment() -> None:
    access = read_settings(
        COMPLETE
        | {
            "SWITCHBOARD_KUBE_URL": "https://127.0.0.1:6443",
            "SWITCHBOARD_KUBE_TOKEN_FILE": "/run/token",
            "SWITCHBOARD_KUBE_CA_FILE": "/run/ca.crt",
        }
    ).kubernetes
    assert access.url == "https://127.0.0.1:6443"
    assert access.token_file == Path("/run/token")
    assert access.client_cert_file is None


def test_an_empty_name_falls_back_to_the_host() -> None:
    assert read_settings(COMPLETE | {"SWITCHBOARD_WORKER_NAME": ""}).worker_name != ""
