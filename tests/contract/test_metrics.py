"""The catalogue keeps Prometheus naming, so that every part and rule can rely on it."""

import re

import pytest

from switchboard_contract.metrics import CATALOGUE, Metric, MetricType


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_name_type_and_labels_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"switchboard_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.type is MetricType.COUNTER)
    assert bool(metric.buckets) == (metric.type is MetricType.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert not {"call", "call_id", "room", "number", "caller"} & set(metric.labels)
    assert metric.help.endswith(".")


def test_names_are_unique() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
