"""The store: any order of news, one truth."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET
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


def test_children_are_found_by_their_label_and_follow_it() -> None:
    store = Store()
    labels = [{"switchboard.dev/voice-agent": name} for name in ("a", "b")]
    for version, label in itertools.zip_longest((1, 2), labels):
        store.put(DEPLOYMENT, _deployment(version, labels=label))
    assert store.children("n", "a") == []
    assert [ref.name for ref, _ in store.children("n", "b")] == ["d"]
