import json
from pathlib import Path

from switchboard_cli.worker_pages import pages_of_pods
from switchboard_local.processes.pages import pages_file, read_pages, write_pages


def _pod(address: str, ready: str) -> dict[str, object]:
    ports = [{"name": "http", "containerPort": 8080}, {"name": "other", "containerPort": 9}]
    return {
        "spec": {"containers": [{"ports": ports}, {}]},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": ready}]},
    }


def test_pods_that_are_ready_are_asked_at_their_own_address() -> None:
    pods = [_pod("10.64.16.7", "True"), _pod("10.64.16.8", "False"), {"spec": {"containers": []}}]
    assert pages_of_pods(json.dumps({"items": pods})) == ("http://10.64.16.7:8080/metrics",)


def test_worker_processes_are_asked_where_their_starter_says(tmp_path: Path) -> None:
    path = pages_file(tmp_path)
    assert read_pages(path) == []
    write_pages(path, ["http://b", "http://a"])
    assert read_pages(path) == ["http://a", "http://b"]


def test_the_file_is_left_alone_while_nothing_changes(tmp_path: Path) -> None:
    path = pages_file(tmp_path)
    write_pages(path, ["http://a"])
    written = path.stat().st_ino
    write_pages(path, ["http://a"])
    assert path.stat().st_ino == written
