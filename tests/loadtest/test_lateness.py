"""Lateness of frames, as workers count it."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest
from typing_extensions import override

from switchboard_agent.telemetry import Telemetry
from switchboard_loadtest import lateness
from switchboard_loadtest.lateness import Lateness


def _page(*late_seconds: float, underruns: int = 0) -> str:
    """The metrics page of a worker whose ticks were so late."""
    telemetry = Telemetry()
    for seconds in late_seconds:
        telemetry.frame_lateness.observe(seconds)
    for _ in range(underruns):
        telemetry.underruns.inc()
    return generate_latest(telemetry.registry).decode()


def test_a_workers_own_page_is_understood() -> None:
    found = lateness.parse(_page(0.001, 0.03, 0.09, 0.3, underruns=2))
    assert found.summary() == {
        "ticks": 4,
        "over_20_ms": 3,
        "over_60_ms": 2,
        "over_80_ms": 2,
        "over_100_ms": 1,
        "underruns": 2,
    }


def test_a_run_counts_what_came_between_two_readings() -> None:
    before, after = lateness.parse(_page(0.3)), lateness.parse(_page(0.3, 0.001, 0.05))
    assert after.since(before).summary()["ticks"] == 2
    assert after.since(before).over(0.02) == 1
    assert after.since(before).over(0.1) == 0


def test_workers_are_added_up() -> None:
    both = lateness.together([lateness.parse(_page(0.3)), lateness.parse(_page(0.001))])
    assert (both.ticks, both.over(0.1)) == (2, 1)


@pytest.fixture
def server() -> Iterator[str]:
    """A worker's metrics, served."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(_page(0.001).encode())

        @override
        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/metrics"
        running.shutdown()
        thread.join()


def test_pages_are_read_over_http(server: str) -> None:
    assert lateness.read([server, server]) == Lateness(
        2, lateness.parse(_page(0.001, 0.001)).within
    )


def test_a_worker_that_cannot_be_asked_leaves_the_figure_out(server: str) -> None:
    assert lateness.read([server, "http://127.0.0.1:1/metrics"]) is None
    assert lateness.read([]) is None
