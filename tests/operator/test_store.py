"""The store: any order of news, one truth."""

import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    POD_DISRUPTION_BUDGET,
    SECRET,
    VOICE_AGENT,
)
from switchboard_operator.kube.objects import Object, trim
from switchboard_operator.store import Store


def _deployment(version: int, *, uid: str = "u", replicas: int = 1, **meta: object) -> Object:
    metadata = {"name": "d", "namespace": "n", "uid": uid, "resourceVersion": str(version), **meta}
    return {"metadata": metadata, "spec": {"replicas": replicas}}


def test_an_event_that_changes_nothing_is_no_change() -> None:
    store = Store()
    assert store.put(DEPLOYMENT, _deployment(1)) is not None
    assert store.put(DEPLOYMENT, _deployment(2, managedFields=[{"time": "now"}])) is None
    assert store.put(DEPLOYMENT, _deployment(3, replicas=2)) is not None


def test_an_older_event_does_not_undo_our_own_write() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(5, replicas=3))
    assert store.put(DEPLOYMENT, _deployment(4, replicas=1)) is None
    seen = store.get(DEPLOYMENT, "n", "d")
    assert seen is not None
    assert seen["spec"]["replicas"] == 3


def test_what_was_deleted_stays_dead() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(1))
    assert store.remove(DEPLOYMENT, _deployment(3)) is not None
    assert store.put(DEPLOYMENT, _deployment(2)) is None
    assert store.get(DEPLOYMENT, "n", "d") is None


def test_an_object_that_left_the_selector_may_come_back() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(1))
    store.remove(DEPLOYMENT, _deployment(2))
    assert store.put(DEPLOYMENT, _deployment(3)) is not None


def test_the_end_of_a_predecessor_does_not_remove_its_successor() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(5, uid="new"))
    assert store.remove(DEPLOYMENT, _deployment(4, uid="old")) is None
    assert store.get(DEPLOYMENT, "n", "d") is not None


def test_a_full_list_ends_what_it_lacks_but_not_what_is_newer() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(1))
    newer = _deployment(9, uid="v")
    newer["metadata"]["name"] = "e"
    store.put(DEPLOYMENT, newer)
    changes = store.retain(DEPLOYMENT, (), version=5)
    assert [(change.ref.name, change.new) for change in changes] == [("d", None)]
    assert store.get(DEPLOYMENT, "n", "e") is not None


@given(st.permutations(range(6)))
def test_any_order_of_events_gives_the_last_state(order: list[int]) -> None:
    events = [_deployment(version, replicas=version) for version in range(1, 7)]
    store = Store()
    for index in order:
        store.put(DEPLOYMENT, events[index])
    seen = store.get(DEPLOYMENT, "n", "d")
    assert seen is not None
    assert seen["spec"]["replicas"] == 6


@given(st.permutations(range(4)))
def test_any_order_around_a_deletion_leaves_it_deleted(order: list[int]) -> None:
    store = Store()
    for index in order:
        if index == 3:
            store.remove(DEPLOYMENT, _deployment(9))
        else:
            store.put(DEPLOYMENT, _deployment(index + 1))
    assert store.get(DEPLOYMENT, "n", "d") is None


def test_secret_values_and_config_map_data_are_not_kept() -> None:
    meta = {"name": "s", "namespace": "n", "uid": "u", "resourceVersion": "1"}
    secret = trim(SECRET, {"metadata": meta, "data": {"password": "aHVudGVyMg=="}})
    assert "aHVudGVyMg==" not in repr(secret)
    assert secret["data"].keys() == {"password"}
    assert "data" not in trim(CONFIG_MAP, {"metadata": meta, "data": {"a": "b" * 1000}})


def test_a_status_that_nobody_reads_is_not_kept_and_its_change_is_none() -> None:
    store = Store()
    healthy = {"status": {"observedGeneration": 1, "currentHealthy": 1, "conditions": []}}
    assert store.put(POD_DISRUPTION_BUDGET, _deployment(1)) is not None
    assert store.put(POD_DISRUPTION_BUDGET, _deployment(2) | healthy) is None
    kept = store.get(POD_DISRUPTION_BUDGET, "n", "d")
    assert kept is not None
    assert "status" not in kept


def test_a_status_that_is_read_is_kept() -> None:
    condition = {"type": "AbleToScale", "status": "False", "reason": "R", "message": "m"}
    status = {"readyReplicas": 1, "conditions": [condition | {"lastTransitionTime": "now"}]}
    for kind in (DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER):
        kept = trim(kind, _deployment(1) | {"status": status})
        assert kept["status"] == {"readyReplicas": 1, "conditions": [condition]}


def test_the_age_is_kept_of_what_has_seniority_only() -> None:
    aged = _deployment(1, creationTimestamp="2026-01-01T00:00:00Z")
    assert trim(VOICE_AGENT, aged)["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert "creationTimestamp" not in trim(DEPLOYMENT, aged)["metadata"]


def _with_pod(version: int, name: str, image: str) -> Object:
    obj = _deployment(version, uid=name)
    obj["metadata"]["name"] = name
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    obj["spec"]["template"] = {"containers": [{"image": image, "probe": probe}, {"name": "log"}]}
    return obj


def test_what_two_children_have_in_common_is_kept_once() -> None:
    store, objects = Store(), [_with_pod(1, "a", "i:1"), _with_pod(2, "b", "i:2")]
    for obj in objects:
        store.put(DEPLOYMENT, obj)
    one, other = (store.get(DEPLOYMENT, "n", name) for name in ("a", "b"))
    assert one is not None
    assert other is not None
    assert [one["spec"], other["spec"]] == [obj["spec"] for obj in objects]
    first, second = (seen["spec"]["template"]["containers"] for seen in (one, other))
    assert first[0]["probe"] is second[0]["probe"]
    assert first[1] is second[1]


def test_a_child_that_changes_keeps_what_did_not() -> None:
    store, fewer = Store(), _with_pod(3, "a", "i:1")
    del fewer["spec"]["template"]["containers"][0]
    store.put(DEPLOYMENT, _with_pod(1, "a", "i:1"))
    before = store.put(DEPLOYMENT, _with_pod(2, "a", "i:2"))
    assert before is not None
    assert before.old is not None
    assert before.new is not None
    old, new = (o["spec"]["template"]["containers"] for o in (before.old, before.new))
    assert (old[0]["image"], new[0]["image"]) == ("i:1", "i:2")
    assert old[1] is new[1]
    changed = store.put(DEPLOYMENT, fewer)
    assert changed is not None
    assert changed.new is not None
    assert changed.new["spec"]["template"] == {"containers": [{"name": "log"}]}


def test_what_people_write_is_kept_to_the_type() -> None:
    store = Store()
    for version, value in enumerate((True, 1, 1.0), start=1):
        obj = _deployment(version)
        obj["spec"] = {"options": {"eager": value}}
        store.put(VOICE_AGENT, obj)
        seen = store.get(VOICE_AGENT, "n", "d")
        assert seen is not None
        assert repr(seen["spec"]) == repr(obj["spec"])


def test_children_are_found_by_their_label_and_follow_it() -> None:
    store = Store()
    labels = [{"switchboard.dev/voice-agent": name} for name in ("a", "b")]
    for version, label in itertools.zip_longest((1, 2), labels):
        store.put(DEPLOYMENT, _deployment(version, labels=label))
    assert store.children("n", "a") == []
    assert [ref.name for ref, _ in store.children("n", "b")] == ["d"]


def test_nobody_changes_a_stored_object_in_these_tests_unseen() -> None:
    store = Store()
    store.put(DEPLOYMENT, _deployment(1))
    stored = store.get(DEPLOYMENT, "n", "d")
    assert stored is not None
    with pytest.raises(TypeError, match="changed in place"):
        stored["spec"]["replicas"] = 2
    copy.deepcopy(stored)["spec"]["replicas"] = 2
