"""Where `switchboard talk` finds LiveKit."""

from dataclasses import replace

import click
import pytest

from switchboard_cli.talk_access import Given, livekit_access
from switchboard_local.state import Mode, SystemState

LOCAL = SystemState(
    mode=Mode.PROCESSES,
    keeper_pid=1,
    keeper_started=1,
    init_pid=None,
    init_started=None,
    network=None,
    kube_url="https://127.0.0.1:6443",
    kubeconfig="",
    kube_ca_file="",
    kube_token_file="",
    livekit_http_url="http://127.0.0.1:7880",
    livekit_ws_url="ws://127.0.0.1:7880",
    livekit_api_key="local-key",
    livekit_api_secret="local-secret",
    redis_url="",
    sip_host="",
    sip_port=5060,
    sip_kind="edge",
    nodes=(),
    logs="",
)
SECRET = {
    "SWITCHBOARD_LIVEKIT_API_KEY": "worker-key",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "worker-secret",
}
OPTIONS = Given("wss://livekit.example", "my-key", "my-secret")


def test_options_win_over_everything() -> None:
    found = livekit_access(OPTIONS, LOCAL, SECRET)
    assert (found.url, found.api_key, found.api_secret) == (
        "wss://livekit.example",
        "my-key",
        "my-secret",
    )


def test_the_local_system_needs_no_options() -> None:
    found = livekit_access(Given(), LOCAL, {})
    assert (found.url, found.api_key, found.api_secret) == (
        "http://127.0.0.1:7880",
        "local-key",
        "local-secret",
    )


def test_elsewhere_key_and_secret_are_those_of_the_workers() -> None:
    found = livekit_access(replace(OPTIONS, api_key=None, api_secret=None), None, SECRET)
    assert (found.api_key, found.api_secret) == ("worker-key", "worker-secret")


def test_what_is_missing_is_asked_for_by_name() -> None:
    with pytest.raises(click.UsageError) as caught:
        livekit_access(Given(), None, SECRET)
    assert caught.value.message == "LiveKit is not known: give --livekit-url (LIVEKIT_URL)"
    with pytest.raises(click.UsageError, match=r"--livekit-api-key.*--livekit-api-secret"):
        livekit_access(Given("ws://127.0.0.1:7880"), None, {})


def test_a_secret_given_by_hand_is_not_shown() -> None:
    assert "my-secret" not in repr(OPTIONS)
