"""What the operator says before it works: missing permissions, CRDs that are too old."""

import asyncio

import pytest

from switchboard_contract import names
from switchboard_contract.crd.version import SCHEMA_VERSION
from switchboard_operator.kube.kinds import CONFIG_MAP, LEASE, SECRET, TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.selfcheck import permissions, schema
from switchboard_operator.selfcheck.check import SelfCheck
from switchboard_operator.selfcheck.needs import CRD, Home, Need, allows, needs, sentence
from switchboard_operator.selfcheck.outdated import AGAIN_SECONDS, follow, mark_all, marked
from tests.operator.fakes import FakeKube
from tests.operator.samples import agent, run
from tests.support.virtual_time import run_virtual

NOW = "2026-03-01T12:00:00Z"
HOME = Home("system", "switchboard-operator")


def _rule(**fields: list[str]) -> Object:
    return {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"], **fields}


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        (_rule(), True),
        (_rule(verbs=["*"], apiGroups=["*"], resources=["*"]), True),
        (_rule(verbs=["get"]), False),
        (_rule(apiGroups=["apps"]), False),
        (_rule(resources=["secrets/status"]), False),
        (_rule(resourceNames=["one"]), False),
    ],
)
def test_a_rule_grants_exactly_what_it_says(rule: Object, *, granted: bool) -> None:
    assert allows([rule], Need("list", SECRET)) is granted


def test_subresources_and_names_are_told_apart() -> None:
    status = Need("patch", VOICE_AGENT, "status")
    group = [names.GROUP]
    assert allows([_rule(apiGroups=group, resources=["*"], verbs=["patch"])], status)
    bare = _rule(apiGroups=group, resources=["voiceagents"], verbs=["patch"])
    assert not allows([bare], status)
    assert allows([_rule(apiGroups=group, resources=["*/status"], verbs=["patch"])], status)
    named = Need("get", CRD, name="tenants.switchboard.dev")
    rule = _rule(apiGroups=[CRD.group], resources=[CRD.plural], verbs=["get"])
    assert allows([{**rule, "resourceNames": [named.name]}], named)
    assert not allows([{**rule, "resourceNames": ["other"]}], named)


def test_what_is_missing_is_said_in_the_words_of_kubectl() -> None:
    missing = [
        Need("list", SECRET),
        Need("watch", SECRET),
        Need("patch", VOICE_AGENT, "status"),
        Need("get", LEASE, namespace="system"),
    ]
    assert sentence(missing) == (
        "cannot list, watch secrets; cannot patch voiceagents.switchboard.dev/status; "
        "cannot get leases.coordination.k8s.io in namespace system"
    )


class _Reviews:
    """Answers reviews from rules; asks are counted."""

    def __init__(self, rules: list[Object], *, incomplete: bool = False) -> None:
        self.rules = rules
        self.incomplete = incomplete
        self.asked: list[str] = []

    async def ask(self, kind: Kind, question: Object) -> Object:
        self.asked.append(kind.kind)
        if kind is permissions.RULES:
            return {"status": {"resourceRules": [] if self.incomplete else self.rules}}
        wanted = question["spec"]["resourceAttributes"]
        found = [n for n in needs(HOME) if _attributes(n) == wanted]
        return {"status": {"allowed": allows(self.rules, found[0])}}


def _attributes(need: Need) -> Object:
    attributes = {
        "verb": need.verb,
        "group": need.kind.group,
        "resource": need.kind.plural,
        "subresource": need.subresource,
        "name": need.name,
        "namespace": need.namespace,
    }
    return {key: value for key, value in attributes.items() if value}


_ALL = {"apiGroups": ["*"], "resources": ["*", "*/status", "*/scale"], "verbs": ["*"]}


def test_three_requests_suffice_when_all_is_granted() -> None:
    reviews = _Reviews([_ALL])
    assert run(permissions.missing(reviews, HOME)) == []
    assert reviews.asked == ["SelfSubjectRulesReview"] * 3


def test_rules_that_do_not_show_are_asked_for_before_they_are_called_missing() -> None:
    assert run(permissions.missing(_Reviews([_ALL], incomplete=True), HOME)) == []
    config_maps = {"apiGroups": [""], "resources": [CONFIG_MAP.plural], "verbs": ["*"]}
    missing = run(permissions.missing(_Reviews([config_maps]), HOME))
    assert {n.kind for n in missing} == {n.kind for n in needs(HOME)} - {CONFIG_MAP}


def _crd(kind: Kind, version: str | None) -> Object:
    annotations = {names.SCHEMA_VERSION_ANNOTATION: version} if version else {}
    return {"metadata": {"name": f"{kind.plural}.{kind.group}", "annotations": annotations}}


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        (str(SCHEMA_VERSION), ""),
        (str(SCHEMA_VERSION + 1), ""),
        (str(SCHEMA_VERSION - 1), "is older than this operator"),
        (None, "helm upgrade switchboard-crds"),
        ("x", "helm upgrade switchboard-crds"),
    ],
)
def test_only_an_older_schema_is_a_fault(version: str | None, fault: str) -> None:
    kube = FakeKube()
    kube.put(CRD, _crd(TENANT, str(SCHEMA_VERSION)))
    kube.put(CRD, _crd(VOICE_AGENT, version))
    said = run(schema.fault(kube))
    assert fault in said
    assert bool(said) is bool(fault)


def test_a_crd_that_is_not_there_is_named() -> None:
    assert "voiceagents.switchboard.dev is not there" in run(schema.fault(FakeKube()))


def test_agents_under_an_old_crd_say_that_nobody_looks_and_keep_the_rest() -> None:
    before: Object = {
        "tenant": "t",
        "numbers": ["+15550100"],
        "conditions": [
            {"type": "SIPReady", "status": "True", "reason": "SIPReady", "message": ""},
            {
                "type": "Ready",
                "status": "True",
                "reason": "Ready",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            },
        ],
    }
    status = marked(before, "CRD is old", 3, NOW)
    found = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert found == {
        "SIPReady": ("True", "SIPReady"),
        "Ready": ("Unknown", "CRDOutdated"),
        "Accepted": ("Unknown", "CRDOutdated"),
    }
    assert status["numbers"] == ["+15550100"]
    assert marked(status, "CRD is old", 3, "later") == status, "said once, not again and again"


def test_marking_writes_each_agent_once() -> None:
    async def course() -> None:
        kube = FakeKube()
        kube.put(VOICE_AGENT, agent("a"))
        kube.put(VOICE_AGENT, agent("b"))
        for _ in range(2):
            await mark_all(kube, "CRD is old", lambda: NOW)
        assert [verb for verb, _, _ in kube.writes] == ["apply_status", "apply_status"]

    run(course())


@pytest.mark.parametrize(
    ("verb", "resource", "place", "name"),
    [
        ("create", "apiservices", "", ""),
        ("patch", "apiservices", "", "v1beta1.external.metrics.k8s.io"),
        ("get", "clusterroles", "", "switchboard-operator"),
        ("get", "configmaps", "kube-system", "extension-apiserver-authentication"),
        ("create", "persistentvolumeclaims", "system", ""),
        ("delete", "resourceclaims", "system", ""),
    ],
)
def test_what_only_scaling_and_model_servers_need_is_looked_for_and_can_be_done_without(
    verb: str, resource: str, place: str, name: str
) -> None:
    wanted = [
        n for n in needs(HOME) if (n.verb, n.resource, n.namespace) == (verb, resource, place)
    ]
    (found,) = [need for need in wanted if need.name == name]
    assert not found.required


class _Check(SelfCheck):
    """One whose answer a test gives."""

    def __init__(self) -> None:
        self.schema_fits = asyncio.Event()
        self.schema_outdated = asyncio.Event()
        self.schema_fault = ""

    def say(self, fault: str) -> None:
        self.schema_fault = fault
        for event, holds in ((self.schema_fits, not fault), (self.schema_outdated, bool(fault))):
            event.set() if holds else event.clear()


def _reason(kube: FakeKube, name: str) -> str:
    status = kube.objects[VOICE_AGENT, "smile-dental", name].get("status") or {}
    return str(
        next((c["reason"] for c in status.get("conditions", []) if c["type"] == "Ready"), "")
    )


def test_agents_made_while_a_crd_is_outdated_say_so_too_and_all_are_looked_at_afterwards() -> None:
    async def course() -> None:
        kube, check, told = FakeKube(), _Check(), []
        kube.put(VOICE_AGENT, agent("old"))
        check.say("")
        following = asyncio.ensure_future(
            follow(
                check, kube, lambda: NOW, tick=lambda: None, mended=lambda: told.append("mended")
            )
        )
        await asyncio.sleep(60)
        assert _reason(kube, "old") == "", "nothing is said while nothing is wrong"
        check.say("CRD is old")
        await asyncio.sleep(1)
        assert _reason(kube, "old") == "CRDOutdated"
        kube.put(VOICE_AGENT, agent("new"))
        await asyncio.sleep(AGAIN_SECONDS + 1)
        assert _reason(kube, "new") == "CRDOutdated"
        assert not told
        check.say("")
        await asyncio.sleep(1)
        assert told == ["mended"]
        following.cancel()

    run_virtual(course())
