import pytest
from prometheus_client import generate_latest

from switchboard_agent.telemetry import Telemetry
from switchboard_contract import metrics


def test_the_page_holds_metrics_of_the_catalogue_only() -> None:
    telemetry = Telemetry()
    page = generate_latest(telemetry.registry).decode()
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    catalogue = {metric.name for metric in metrics.CATALOGUE}
    assert {name for name in names if not name.endswith("_created")} <= catalogue


@pytest.mark.parametrize(
    ("attribute", "metric"),
    [
        ("turn_latency", metrics.TURN_LATENCY),
        ("speculations", metrics.SPECULATIONS),
        ("barge_in_stop", metrics.BARGE_IN_STOP),
        ("watchdog_alarms", metrics.WATCHDOG_ALARMS),
        ("turn_model_failures", metrics.TURN_MODEL_FAILURES),
        ("vad_fallback", metrics.VAD_FALLBACK),
        ("speech_failures", metrics.SPEECH_FAILURES),
        ("overlaps", metrics.OVERLAPS),
        ("active_calls", metrics.ACTIVE_CALLS),
        ("call_capacity", metrics.CALL_CAPACITY),
        ("calls_total", metrics.CALLS_TOTAL),
        ("calls_refused", metrics.CALLS_REFUSED),
        ("loop_lag", metrics.LOOP_LAG),
        ("underruns", metrics.UNDERRUNS),
        ("events_dropped", metrics.EVENTS_DROPPED),
    ],
)
def test_each_metric_has_the_labels_of_the_catalogue(
    attribute: str, metric: metrics.Metric
) -> None:
    collector = getattr(Telemetry(), attribute)
    assert collector._labelnames == metric.labels


def test_two_engines_in_one_process_do_not_share_metrics() -> None:
    one, other = Telemetry(), Telemetry()
    one.call_capacity.set(20)
    assert other.registry.get_sample_value("switchboard_call_capacity") == 0
