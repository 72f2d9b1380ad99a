"""A user's pod template is merged as Kubernetes would, and cannot break what is promised."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.desired import deployment
from switchboard_operator.desired.pod_promises import broken
from switchboard_operator.desired.pod_template import MERGE_KEYS, merge, misshapen
from switchboard_operator.kube.kinds import DEPLOYMENT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.samples import WORKER, agent, inputs, served_world

RENDERED = deployment.pod_template(inputs().pool, WORKER)
FIELD = "spec.podTemplate"

NAMES = st.sampled_from(["worker", "proxy", "tmp"])
SCALARS = st.one_of(st.booleans(), st.integers(0, 9), st.sampled_from(["", "x", "500m"]))
REMOVALS = st.one_of(st.none(), st.just({"$patch": "delete"}))


def _levels(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    """Maps of maps and of lists that are merged by name, two levels deep."""
    inner = _map(st.one_of(leaf, st.lists(SCALARS, max_size=2)), {"env": _entries("env", leaf)})
    lists = {field: _entries(field, st.one_of(leaf, inner)) for field in ("containers", "volumes")}
    return _map(st.one_of(leaf, inner), lists)


def _map(
    values: st.SearchStrategy[Any], lists: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Object]:
    fields = dict.fromkeys(("image", "args", "limits"), values)
    return st.fixed_dictionaries({}, optional=fields | lists)


def _entries(field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Object]]:
    key = MERGE_KEYS[field]
    entry = st.fixed_dictionaries({key: NAMES}, optional={"image": values, "a": values})
    return st.lists(entry, max_size=3, unique_by=lambda found: found[key])


BASES, PATCHES = _levels(SCALARS), _levels(st.one_of(SCALARS, REMOVALS))


@given(BASES)
def test_nothing_changes_nothing(base: Object) -> None:
    assert merge(base, {}) == base


@given(BASES, PATCHES)
def test_twice_is_once(base: Object, patch: Object) -> None:
    once = merge(base, patch)
    assert merge(once, patch) == once


@given(BASES, PATCHES)
def test_neither_side_is_changed(base: Object, patch: Object) -> None:
    before = copy.deepcopy((base, patch))
    merge(base, patch)
    assert (base, patch) == before


@given(BASES, PATCHES)
def test_null_removes_at_every_depth(base: Object, patch: Object) -> None:
    merged = merge(base, patch)
    assert None not in merged.values()
    assert not {field for field, value in patch.items() if value is None} & set(merged)
    assert merge(base, dict.fromkeys(base)) == {}


@given(BASES, PATCHES)
def test_entries_that_the_patch_does_not_name_stay(base: Object, patch: Object) -> None:
    merged = merge(base, patch)
    for field in ("containers", "volumes", "env"):
        if not isinstance(patch.get(field, []), list):
            continue
        named = {entry["name"] for entry in patch.get(field, [])}
        foreign = [e for e in base.get(field, []) if e["name"] not in named]
        kept = [e for e in merged.get(field, []) if e["name"] not in named]
        assert kept == foreign


def test_maps_are_merged_and_other_lists_replaced() -> None:
    patch: Object = {
        "spec": {
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "voice", "operator": "Exists"}],
            "containers": [
                {
                    "name": "worker",
                    "resources": {"limits": {"cpu": "2"}},
                    "securityContext": {"capabilities": {"drop": ["NET_RAW"]}},
                }
            ],
        }
    }
    base = merge(RENDERED, {"spec": {"tolerations": [{"key": "old"}]}})
    spec = merge(base, patch)["spec"]
    (worker,) = spec["containers"]
    assert worker["resources"]["limits"] == {"memory": "1Gi", "cpu": "2"}
    assert worker["securityContext"]["capabilities"] == {"drop": ["NET_RAW"]}
    assert worker["image"] == WORKER.image
    assert spec["tolerations"] == [{"key": "voice", "operator": "Exists"}]


def test_a_volume_has_the_source_that_was_named_last() -> None:
    patch = {"spec": {"volumes": [{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {}}}]}}
    assert merge(RENDERED, patch)["spec"]["volumes"] == patch["spec"]["volumes"]


def test_an_entry_is_removed_by_directive() -> None:
    mount = {"mountPath": "/tmp", "$patch": "delete"}  # noqa: S108  the pod's own
    patch = {"spec": {"containers": [{"name": "worker", "volumeMounts": [mount]}]}}
    assert merge(RENDERED, patch)["spec"]["containers"][0]["volumeMounts"] == []


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"replicas": 3}, ".replicas: unknown field"),
        ({"spec": None}, ".spec: must be an object"),
        ({"metadata": {"name": "x"}}, ".metadata.name: only labels and annotations"),
        ({"spec": {"containers": {"name": "worker"}}}, ".spec.containers: must be a list"),
        ({"spec": {"containers": ["worker"]}}, ".spec.containers[0]: must be an object"),
        ({"spec": {"containers": [{"image": "x"}]}}, ".spec.containers[0].name: required"),
        (
            {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}},
            ".spec.containers[1].name: a stands twice",
        ),
        ({"spec": {"$retainKeys": ["a"]}}, ".spec.$retainKeys: the only directive"),
        (
            {"spec": {"containers": [{"name": "worker", "env": [{"value": "x"}]}]}},
            ".spec.containers[0].env[0].name: required",
        ),
    ],
)
def test_a_template_that_is_none_is_explained(template: Object, said: str) -> None:
    assert misshapen(template).startswith(said)


def _worker(**fields: Any) -> Object:  # noqa: ANN401  any part of a container
    return {"spec": {"containers": [{"name": "worker", **fields}]}}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"metadata": {"labels": {"switchboard.dev/pool": "mine"}}}, "switchboard.dev/pool"),
        ({"metadata": {"labels": {"switchboard.dev/tenant": None}}}, "switchboard.dev/tenant"),
        ({"metadata": {"labels": {"switchboard.dev/new": "x"}}}, "switchboard.dev/new"),
        ({"metadata": {"labels": {"$patch": "delete"}}}, ".metadata.labels"),
        ({"metadata": {"annotations": {"switchboard.dev/credentials": "0"}}}, "credentials"),
        ({"spec": {"containers": None}}, ".spec.containers: the container worker"),
        (
            {"spec": {"containers": [{"name": "worker", "$patch": "delete"}]}},
            ".spec.containers: the container worker",
        ),
        ({"spec": {"terminationGracePeriodSeconds": 899}}, "below the longest call (900 s)"),
        ({"spec": {"terminationGracePeriodSeconds": None}}, "below the longest call (900 s)"),
        ({"spec": {"restartPolicy": "Never"}}, ".spec.restartPolicy"),
        ({"spec": {"activeDeadlineSeconds": 5}}, ".spec.activeDeadlineSeconds"),
        ({"spec": {"serviceAccountName": "admin"}}, ".spec.serviceAccountName"),
        ({"spec": {"automountServiceAccountToken": False}}, ".spec.automountServiceAccountToken"),
        (
            _worker(env=[{"name": "SWITCHBOARD_POOL", "value": "other"}]),
            ".spec.containers[worker].env[SWITCHBOARD_POOL]",
        ),
        (
            _worker(ports=[{"containerPort": 8080, "name": "web"}]),
            ".spec.containers[worker].ports: http",
        ),
        (_worker(readinessProbe=None), ".spec.containers[worker].readinessProbe.httpGet"),
        (
            _worker(readinessProbe={"httpGet": {"path": "/"}}),
            ".spec.containers[worker].readinessProbe.httpGet",
        ),
    ],
)
def test_what_would_break_a_promise_is_refused_by_its_field(template: Object, field: str) -> None:
    fault = broken(RENDERED, template, 900, FIELD)
    assert fault.startswith(FIELD)
    assert field in fault


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"metadata": {"labels": {"env": "production"}, "annotations": {"note": "x"}}},
        {"spec": {"priorityClassName": "calls", "runtimeClassName": "gvisor"}},
        {"spec": {"terminationGracePeriodSeconds": 1800}},
        {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}},
        _worker(env=[{"name": "SWITCHBOARD_LOG_LEVEL", "value": "DEBUG"}]),
        _worker(env=[{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]),
        _worker(readinessProbe={"failureThreshold": 5}, livenessProbe=None),
        _worker(resources={"limits": None}),
        {"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}}},
    ],
)
def test_the_rest_is_the_users(template: Object) -> None:
    assert broken(RENDERED, template, 900, FIELD) == ""


@given(PATCHES, PATCHES)
def test_any_template_is_judged(metadata: Object, spec: Object) -> None:
    template = {"metadata": {"labels": metadata}, "spec": spec}
    fault = broken(RENDERED, template, 900, FIELD)
    assert isinstance(fault, str)
    if not fault:
        merged = merge(RENDERED, template)
        assert RENDERED["metadata"]["labels"].items() <= merged["metadata"]["labels"].items()
        assert "worker" in [container["name"] for container in merged["spec"]["containers"]]


ANYTHING = st.recursive(
    st.one_of(st.none(), SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["name", "containers", "env", "ports", "readinessProbe", "$patch"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["metadata", "spec"]),
        st.one_of(
            ANYTHING,
            st.dictionaries(
                st.sampled_from(["labels", "containers", "terminationGracePeriodSeconds"]),
                ANYTHING,
            ),
        ),
    )
)
def test_nonsense_is_judged_too(template: Object) -> None:
    assert isinstance(broken(RENDERED, template, 900, FIELD), str)


@given(ANYTHING)
def test_nonsense_in_the_worker_is_judged_too(value: object) -> None:
    for field in ("env", "ports", "readinessProbe", "startupProbe", "volumeMounts"):
        assert isinstance(broken(RENDERED, _worker(**{field: value}), 900, FIELD), str)


async def test_a_refused_template_leaves_the_workers_as_they_were() -> None:
    world = await served_world()
    before = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]["spec"]
    template = {"spec": {"terminationGracePeriodSeconds": 10}}
    world.users_put((VOICE_AGENT, agent(podTemplate=template)))
    await world.settle()
    assert world.condition("Accepted") == "False/InvalidSpec"
    assert "spec.podTemplate.spec.terminationGracePeriodSeconds" in world.message("Accepted")
    assert world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]["spec"] == before


async def test_a_template_reaches_the_deployment_and_leaves_it_again() -> None:
    world = await served_world(podTemplate={"spec": {"priorityClassName": "calls"}})
    place = (DEPLOYMENT, "smile-dental", "reception-worker")
    assert world.kube.objects[place]["spec"]["template"]["spec"]["priorityClassName"] == "calls"
    world.kube.writes.clear()
    world.woken.update(dict.fromkeys([world.directory.agents_in("smile-dental")[0]]))
    await world.settle()
    assert world.kube.writes == []
