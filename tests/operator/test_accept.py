"""Refusals name the field and the remedy, and never a value that is not the user's."""

import json

import pytest

from switchboard_operator.accept import Admission, Refusal, Withdraw, admit
from switchboard_operator.directory import Directory
from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from switchboard_operator.resolve import parse_script
from switchboard_operator.store import Store
from tests.operator.samples import SCRIPT, agent, namespace, tenant

E164_REMEDY = "not an E.164 number; write it as + and country code, such as +15550100"


def _judge(obj: Object, owner: Object | None = None) -> Admission | Refusal:
    store = Store()
    directory = Directory(store)
    objects = [(NAMESPACE, namespace()), (TENANT, owner or tenant()), (VOICE_AGENT, obj)]
    for version, (kind, raw) in enumerate(objects, start=1):
        meta = raw["metadata"] | {"uid": str(version), "resourceVersion": str(version)}
        change = store.put(kind, raw | {"metadata": meta})
        assert change is not None
        directory.update(change)
    return admit(obj, directory)


def test_the_sample_is_accepted() -> None:
    assert isinstance(_judge(agent()), Admission)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"numbers": ["555"]},
            f"spec.numbers[0]: {E164_REMEDY}",
        ),
        ({"colour": "blue"}, "spec.colour: unknown field; remove it or correct its spelling"),
        ({"persona": {}}, "spec.persona.name: required; set it"),
        ({"scaling": {"min": 3, "max": 2}}, "spec.scaling: min must not be above max"),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(changes: Object, said: str) -> None:
    refusal = _judge(agent(**changes))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.message) == ("InvalidSpec", said)
    assert refusal.withdraw is Withdraw.NOTHING, "the last good revision stays in service"


def test_many_faults_are_counted_not_listed() -> None:
    refusal = _judge(agent(numbers=["1", "2", "3", "4", "5"]))
    assert isinstance(refusal, Refusal)
    assert refusal.message.endswith("; and 2 more")


def test_names_that_make_a_label_too_long_are_refused() -> None:
    refusal = _judge(agent("a" * 51))
    assert isinstance(refusal, Refusal)
    assert "62 characters together" in refusal.message


def test_an_invalid_tenant_is_the_tenants_fault() -> None:
    refusal = _judge(agent(), tenant(isolation="Sometimes"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "TenantInvalid"
    assert refusal.message.startswith("Tenant smile-dental: spec.isolation")


def test_a_dialog_may_be_yaml_or_json() -> None:
    assert not isinstance(parse_script(json.dumps(SCRIPT)), str)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: }", "not YAML or JSON (line 1)"),
        ("a: &x [1]\nb: *x", "YAML aliases (*name) are not taken; write the value out"),
        ("x" * 300_000, "longer than 256 KiB; shorten it"),
        ("- 1", "dialog: Input should be a valid dictionary or instance of Script"),
        ("!!python/object:os.system {}", "not YAML or JSON (line 1)"),
    ],
)
def test_a_dialog_that_is_none_is_explained(text: str, said: str) -> None:
    assert parse_script(text) == said
