"""Settings, logs and probes: what the process shows to the outside."""

import json
import logging

import pytest

from switchboard_operator.errors import SettingsError
from switchboard_operator.health import STUCK_SECONDS, Health
from switchboard_operator.log import JsonFormatter
from switchboard_operator.settings import from_environment
from switchboard_operator.telemetry import make_telemetry

_ENVIRONMENT = {
    "SWITCHBOARD_LIVEKIT_API_URL": "http://livekit:7880",
    "SWITCHBOARD_LIVEKIT_WORKER_URL": "ws://livekit:7880",
    "SWITCHBOARD_LIVEKIT_API_KEY": "key",
    "SWITCHBOARD_LIVEKIT_API_SECRET": "hunter2",
    "SWITCHBOARD_REDIS_URL": "redis://:hunter3@redis",
    "SWITCHBOARD_WORKER_IMAGE": "image:1",
}


def test_a_missing_setting_is_named() -> None:
    for name in _ENVIRONMENT:
        rest = {key: value for key, value in _ENVIRONMENT.items() if key != name}
        with pytest.raises(SettingsError, match=name):
            from_environment(rest)


def test_a_setting_that_is_no_number_is_named() -> None:
    with pytest.raises(SettingsError, match="SWITCHBOARD_RESYNC_SECONDS"):
        from_environment(_ENVIRONMENT | {"SWITCHBOARD_RESYNC_SECONDS": "soon"})
    with pytest.raises(SettingsError, match="above 0"):
        from_environment(_ENVIRONMENT | {"SWITCHBOARD_CONCURRENCY": "0"})


def test_settings_do_not_print_secrets() -> None:
    shown = repr(from_environment(_ENVIRONMENT))
    assert "hunter2" not in shown
    assert "hunter3" not in shown


def test_a_log_line_is_one_json_object_with_its_fields() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "did %s", "args": ("it",), "key": "n/a"}
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["message"], entry["level"], entry["key"]) == ("did it", "info", "n/a")


def test_work_that_waits_without_progress_is_death() -> None:
    now = 0.0
    health = Health(lambda: now)
    now = STUCK_SECONDS + 1
    assert health.is_alive(), "nothing waits"
    health.waiting = lambda: 3
    assert not health.is_alive()
    health.progress()
    assert health.is_alive()


def test_a_standby_is_ready_and_a_leader_only_once_it_has_read_the_cluster() -> None:
    health = Health(lambda: 0.0)
    assert health.is_ready()
    health.leading = True
    assert not health.is_ready()
    health.started = True
    assert health.is_ready()


def test_metrics_bear_the_names_of_the_catalogue() -> None:
    telemetry = make_telemetry()
    telemetry.reconciles.labels("VoiceAgent", "ok").inc()
    text = telemetry.render().decode()
    assert 'switchboard_reconciles_total{kind="VoiceAgent",result="ok"} 1.0' in text
    assert "switchboard_queue_depth 0.0" in text
