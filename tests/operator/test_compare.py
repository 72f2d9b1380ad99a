"""Wanted is contained in observed: defaults do not count, removals and additions do."""

from switchboard_operator.kube.apply import applied_fields, is_current
from switchboard_operator.kube.compare import contains
from switchboard_operator.kube.kinds import DEPLOYMENT, ROLE
from switchboard_operator.kube.objects import Object


def test_defaults_of_the_api_server_are_no_difference() -> None:
    wanted = {"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}}
    observed = {
        "spec": {
            "containers": [
                {
                    "name": "a",
                    "env": [{"name": "X", "value": "1"}],
                    "terminationMessagePath": "/dev/termination-log",
                }
            ],
            "dnsPolicy": "ClusterFirst",
        }
    }
    assert contains(observed, wanted)


def test_a_sidecar_of_somebody_else_is_no_difference() -> None:
    wanted = {"containers": [{"name": "a"}]}
    assert contains({"containers": [{"name": "mesh"}, {"name": "a"}]}, wanted)


def test_a_changed_or_missing_value_is_a_difference() -> None:
    wanted = {"containers": [{"name": "a", "image": "x:1"}]}
    assert not contains({"containers": [{"name": "a", "image": "x:2"}]}, wanted)
    assert not contains({"containers": [{"name": "b", "image": "x:1"}]}, wanted)
    assert not contains({}, wanted)


def test_nobody_adds_a_rule_to_a_role() -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    more = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    assert contains({"rules": [rule]}, {"rules": [rule]})
    assert not contains({"rules": [rule, more]}, {"rules": [rule]})


def test_an_empty_block_may_be_absent() -> None:
    assert contains({"volumes": [{"name": "tmp"}]}, {"volumes": [{"name": "tmp", "emptyDir": {}}]})


def test_a_plan_that_drops_a_field_is_a_difference() -> None:
    observed: Object = {
        "metadata": {"annotations": {"switchboard.dev/applied-hash": "old"}},
        "rules": [],
    }
    wanted: Object = {
        "metadata": {"annotations": {"switchboard.dev/applied-hash": "new"}},
        "rules": [],
    }
    assert not is_current(ROLE, observed, wanted)


def test_replicas_are_never_compared() -> None:
    meta = {"annotations": {"switchboard.dev/applied-hash": "h"}}
    assert is_current(
        DEPLOYMENT,
        {"metadata": meta, "spec": {"replicas": 7}},
        {"metadata": meta, "spec": {"replicas": 1}},
    )


def _entry(operation: str, manager: str = "switchboard-operator") -> Object:
    fields: Object = {"f:spec": {"f:replicas": {}, "f:template": {}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


def test_what_post_set_is_declared_as_applied_without_replicas() -> None:
    other = _entry("Update", "kube-controller-manager")
    fields = applied_fields([_entry("Update"), other])
    assert fields is not None
    assert fields[0]["operation"] == "Apply"
    assert fields[0]["fieldsV1"] == {"f:spec": {"f:template": {}}}
    assert fields[1] == other


def test_it_is_done_once() -> None:
    assert applied_fields([_entry("Apply")]) is None
    both = applied_fields([_entry("Apply"), _entry("Update")])
    assert both == [_entry("Apply")]


def test_quantities_are_compared_by_their_value() -> None:
    wanted = {"resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}}}
    assert contains({"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}, wanted)
    assert not contains({"resources": {"requests": {"cpu": "400m", "memory": "1Gi"}}}, wanted)
    assert not contains({"resources": {"requests": {"cpu": "500m"}}}, wanted)


def test_what_the_api_server_leaves_out_is_no_difference() -> None:
    assert contains({"name": "a"}, {"name": "a", "hostNetwork": False, "value": ""})
    assert not contains({"name": "a"}, {"name": "a", "hostNetwork": True})
    assert not contains({}, {"automountServiceAccountToken": False}), "absent means true here"


def test_ports_without_names_are_compared_in_order() -> None:
    rule = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert contains(rule, rule)
    assert not contains({"ports": rule["ports"][:1]}, rule)
