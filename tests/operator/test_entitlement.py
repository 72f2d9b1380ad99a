"""What a Tenant grants: quotas and shared worker pools, with the field and the remedy."""

from typing import Any

import pytest

from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.status import Reason
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.credentials import with_keys
from switchboard_operator.desired.shared_pool import worker_name
from switchboard_operator.entitlement import Excess, excess, pool_faults, usable_pools
from switchboard_operator.kube.objects import Object
from tests.operator.samples import inputs, spec

_PAID: Object = {"name": "paid", "baseUrl": "https://api.example/v1", "model": "large"}
POOL: Object = {"workerPools": [{"name": "front", "maxCallSeconds": 600}, {"name": "night"}]}


def _excess(tenant: Object, **changes: Any) -> Excess | None:  # noqa: ANN401  any part of a spec
    parsed = VoiceAgentSpec.model_validate(spec(**changes))
    return excess(parsed, "smile-dental", TenantSpec.model_validate(tenant))


def test_what_is_granted_passes() -> None:
    assert _excess({"quotas": {"maxCallSeconds": 900}}) is None
    assert _excess(POOL, workerPool="front", limits={"maxCallSeconds": 600}) is None


def test_longer_calls_than_the_quota_are_refused_with_the_field() -> None:
    found = _excess({"quotas": {"maxCallSeconds": 60}})
    assert found is not None
    assert found.reason is Reason.QUOTA_EXCEEDED
    assert found.message.startswith("spec.limits.maxCallSeconds: 900 is above 60")
    assert "spec.quotas.maxCallSeconds" in found.message


def test_an_unknown_pool_is_refused_with_the_pools_there_are() -> None:
    found = _excess(POOL, workerPool="back")
    assert found is not None
    assert found.reason is Reason.WORKER_POOL_UNKNOWN
    assert "spec.workerPool: Tenant smile-dental has no worker pool back" in found.message
    assert "(it has: front, night)" in found.message
    none = _excess({}, workerPool="back")
    assert none is not None
    assert "(it has: none)" in none.message


def test_longer_calls_than_the_pool_drains_are_refused() -> None:
    found = _excess(POOL, workerPool="front")
    assert found is not None
    assert found.reason is Reason.INVALID_SPEC
    assert "spec.limits.maxCallSeconds: 900 is above 600" in found.message


def test_a_secret_never_reaches_a_shared_pool() -> None:
    llm = {
        "providers": [
            {"name": "shared", "modelServer": "big"},
            {
                "name": "paid",
                "baseUrl": "https://api.example/v1",
                "model": "m",
                "apiKeyRef": {"name": "llm", "key": "token"},
            },
        ]
    }
    big = {"name": "big", "engine": "vllm", "model": "m", "gpuProfile": "l4"}
    found = _excess(POOL, workerPool="night", llm=llm, modelServers=[big])
    assert found is not None
    assert found.reason is Reason.SECRET_IN_SHARED_POOL
    assert found.message.startswith("spec.llm.providers[1].apiKeyRef: ")
    variants = [{"name": "b", "weight": 10, "llm": llm}]
    found = _excess(POOL, workerPool="night", variants=variants, modelServers=[big])
    assert found is not None
    assert found.message.startswith("spec.variants[0].llm.providers[1].apiKeyRef: ")
    assert _excess(POOL, llm=llm, modelServers=[big]) is None, "workers of its own may read it"


def test_a_shared_pool_asks_no_address_that_a_tenant_chose() -> None:
    llm = {"providers": [{"name": "own", "baseUrl": "http://169.254.169.254/v1", "model": "m"}]}
    found = _excess(POOL, workerPool="night", llm=llm)
    assert found is not None
    assert found.reason is Reason.INVALID_SPEC
    assert found.message.startswith("spec.llm.providers[0].baseUrl: ")
    assert _excess(POOL, llm=llm) is None


def test_names_that_no_pod_can_carry_are_refused_in_both() -> None:
    long = "x" * 50
    tenant = TenantSpec.model_validate({"workerPools": [{"name": long}, {"name": "front"}]})
    assert [pool.name for pool in usable_pools("smile-dental", tenant)] == ["front"]
    assert f"give a shorter name to {long}" in pool_faults("smile-dental", tenant)
    found = _excess({"workerPools": [{"name": long}]}, workerPool=long)
    assert found is not None
    assert found.reason is Reason.WORKER_POOL_UNKNOWN


@pytest.mark.parametrize(("one", "other"), [(("a-b", "c"), ("a", "b-c")), (("a", "b"), ("b", "a"))])
def test_pools_of_different_tenants_have_different_workers(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert worker_name(*one) != worker_name(*other)
    assert len(worker_name("t" * 27, "p" * 27)) <= 63


def test_names_of_pools_and_carriers_stand_once() -> None:
    with pytest.raises(ValueError, match="names of workerPools"):
        TenantSpec.model_validate({"workerPools": [{"name": "a"}, {"name": "a"}]})
    carrier = {"name": "main", "address": "sip.example"}
    with pytest.raises(ValueError, match="names of egress"):
        TenantSpec.model_validate({"sip": {"egress": [carrier, carrier]}})


def _keyed(tenant: Object, **changes: Any) -> VoiceAgentSpec | Excess:  # noqa: ANN401
    parsed = VoiceAgentSpec.model_validate(spec(**changes))
    return with_keys(parsed, "smile-dental", TenantSpec.model_validate(tenant))


_NAMED = {"providers": [{**_PAID, "credential": "openai"}]}
_CREDENTIALS: Object = {
    "credentials": [{"name": "openai", "secretKeyRef": {"name": "keys", "key": "token"}}]
}


def test_a_key_by_name_is_the_one_that_the_tenant_says() -> None:
    found = _keyed(_CREDENTIALS, llm=_NAMED, variants=[{"name": "b", "weight": 5, "llm": _NAMED}])
    assert isinstance(found, VoiceAgentSpec)
    assert found.llm is not None
    assert found.variants[0].llm is not None
    for chain in (found.llm, found.variants[0].llm):
        (provider,) = chain.providers
        assert provider.api_key_ref == ObjectKeyRef(name="keys", key="token")


def test_a_key_that_the_tenant_does_not_name_is_refused_with_those_there_are() -> None:
    found = _keyed(_CREDENTIALS, llm={"providers": [{**_PAID, "credential": "other"}]})
    assert isinstance(found, Excess)
    assert found.reason is Reason.CREDENTIAL_UNKNOWN
    assert found.message.startswith("spec.llm.providers[0].credential: Tenant smile-dental has no")
    assert "(it has: openai)" in found.message


def test_a_key_by_name_never_reaches_a_shared_pool_either() -> None:
    refused = _excess({**POOL, **_CREDENTIALS}, workerPool="night", llm=_NAMED)
    assert refused is not None
    assert refused.reason is Reason.SECRET_IN_SHARED_POOL
    assert refused.message.startswith("spec.llm.providers[0].credential: ")


_WARM: Object = {"to": "tel:+15550199", "briefing": "A caller."}
_CARRIERS: Object = {
    "sip": {
        "egress": [
            {"name": "main", "address": "sip.example.com"},
            {"name": "spare", "address": "sip2.example.com"},
        ]
    }
}


@pytest.mark.parametrize(
    ("tenant", "transfer", "lacking"),
    [
        ({}, _WARM, "no carrier under its spec.sip.egress (it has: none)"),
        (_CARRIERS, _WARM | {"carrier": "third"}, "no carrier third under its spec.sip.egress"),
        (_CARRIERS, _WARM, ""),
        (_CARRIERS, _WARM | {"carrier": "spare"}, ""),
        ({}, {"to": "tel:+15550199"}, ""),
    ],
)
def test_a_human_is_called_only_through_a_carrier_that_is_there(
    tenant: Object, transfer: Object, lacking: str
) -> None:
    found = _excess(tenant, transfer=transfer)
    if not lacking:
        assert found is None
        return
    assert found is not None
    assert found.reason is Reason.CARRIER_UNKNOWN
    assert lacking in found.message


@pytest.mark.parametrize(("named", "told"), [({}, "main"), ({"carrier": "spare"}, "spare")])
def test_workers_are_told_which_carrier_calls(named: Object, told: str) -> None:
    transfer = inputs(owner=_CARRIERS, transfer=_WARM | named).config.transfer
    assert transfer is not None
    assert transfer.carrier == told
