"""The closed loop with real pods and spoken calls: load up, pods up; load down, pods down."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from switchboard_cli.demo_system import local_system
from switchboard_local.settings import LocalSettings
from switchboard_local.state import read_state
from tests.bench import bench_scaling
from tests.bench.bench_scaling import Course, Wave

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(560)]

COURSE = Course((Wave(2, 4, 0.5), Wave(45, 2, 0.5, workers=2)), 150.0, spare_calls=2)
"""Four calls and two spare places are two workers' (4.8 each), but fit one until the other is up.
The next two are live while one of the workers is taken away."""


def test_workers_come_and_go_with_the_calls_and_no_call_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path / "out"))
    settings = LocalSettings.from_environment()
    with local_system(settings, pods=True, keep=False, say=print) as system:
        state = read_state(settings.state_file)
        assert state is not None
        bench_scaling.prepare(system, tmp_path, COURSE)
        samples, calls = asyncio.run(bench_scaling.measure(system, state, tmp_path, COURSE))
    facts = bench_scaling.summary(COURSE, samples, calls)
    print(json.dumps(facts, indent=1))  # noqa: T201  shown where the test fails
    assert facts["calls"]["dropped"] == 0, facts["calls"]["failures"]
    assert facts["most_calls"] >= 4
    assert facts["most_workers"] >= 2
    assert samples[-1].wanted == 1
    fewer = itertools.pairwise(samples)
    assert any(now.calls and now.wanted < was.wanted for was, now in fewer), "under live calls"
    assert facts["back_at_minimum_after_s"] is not None
    assert max(sample.told for sample in samples) >= 4
