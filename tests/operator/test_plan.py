"""Golden files: every object of a plan, whole. `UPDATE_GOLDEN=1` writes them anew."""

import dataclasses
import os
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from switchboard_contract.crd.tenant import TenantSpec
from switchboard_operator.desired import shared_pool, workers
from switchboard_operator.desired.inputs import AgentInputs, Digest
from switchboard_operator.desired.plan import DesiredState, plan
from switchboard_operator.settings import from_environment
from tests.operator.samples import TWILIO, WORKER, inputs

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, AgentInputs] = {
    "shared": inputs(),
    "dedicated": inputs(
        owner={
            "isolation": "Dedicated",
            "quotas": {"concurrentCalls": 7},
            "sip": {"ingress": {"allowedAddresses": ["203.0.113.0/24"]}},
        },
        numbers=["+15550101", "+15550100"],
        limits={"maxCallSeconds": 120},
        scaling={"min": 2, "max": 4, "callsPerWorker": 10},
    ),
    "suspended": inputs(suspend=True),
    "twilio": dataclasses.replace(
        inputs(
            channels={"sip": {"enabled": False}, "twilio": TWILIO},
            variants=[{"name": "warm", "weight": 10, "persona": {"name": "Bea"}}],
        ),
        variant_scripts=(inputs().script,),
    ),
    "prompted": inputs(
        dialog={"prompt": {"greeting": "Hello, {business}.", "instructions": "Help callers."}},
        llm={
            "providers": [
                {
                    "name": "own",
                    "baseUrl": "https://models.example/v1",
                    "model": "small",
                    "apiKeyRef": {"name": "models", "key": "token"},
                }
            ]
        },
    ),
    "placed": inputs(
        placement={
            "nodeSelector": {"switchboard.dev/workload": "voice"},
            "tolerations": [
                {"key": "voice", "value": "calls", "effect": "NoSchedule"},
                {"key": "spot", "operator": "Exists"},
            ],
            "topologyKey": "topology.kubernetes.io/zone",
        },
        podTemplate={
            "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
            "spec": {
                "priorityClassName": "live-calls",
                "runtimeClassName": "gvisor",
                "containers": [
                    {
                        "name": "worker",
                        "env": [{"name": "SWITCHBOARD_LOG_LEVEL", "value": "DEBUG"}],
                        "resources": {"requests": {"cpu": 0.5}, "limits": {"memory": "2Gi"}},
                        "livenessProbe": None,
                    },
                    {
                        "name": "proxy",
                        "image": "registry.example/proxy:1",
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    },
                ],
                "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
            },
        },
    ),
    "pooled": dataclasses.replace(
        inputs(
            owner={"workerPools": [{"name": "front", "maxCallSeconds": 1200}]},
            workerPool="front",
        ),
        tenant_uid="7e4a",
    ),
    "egress": dataclasses.replace(
        inputs(
            owner={
                "sip": {
                    "ingress": {"mediaEncryption": "Required"},
                    "egress": [
                        {
                            "name": "main",
                            "address": "sip.carrier.example:5061",
                            "transport": "TLS",
                            "mediaEncryption": "Required",
                            "digestSecretRef": {"name": "carrier"},
                        },
                        {
                            "name": "spare",
                            "address": "198.51.100.7",
                            "callerIds": ["+15550199"],
                        },
                    ],
                }
            }
        ),
        egress_digests={"main": Digest("carrier", "pass phrase")},
    ),
    "digest": dataclasses.replace(inputs(), digest=Digest("carrier", "pass phrase")),
    "variants": dataclasses.replace(
        inputs(variants=[{"name": "polite", "weight": 30, "persona": {"name": "Ann"}}]),
        variant_scripts=(inputs().script,),
    ),
    "pinned": dataclasses.replace(inputs(), pinned="0123456789"),
}


@pytest.mark.parametrize("case", CASES)
def test_plan_is_what_was_reviewed(case: str) -> None:
    state = dataclasses.asdict(plan(CASES[case], WORKER))
    state["children"] = [obj for _, obj in state["children"]]
    text = yaml.safe_dump(_plain(state), sort_keys=False, width=100)
    path = GOLDEN / f"{case}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_a_tenants_pool_is_what_was_reviewed() -> None:
    owner = {
        "isolation": "Dedicated",
        "workerPools": [
            {
                "name": "front",
                "scaling": {"min": 2, "max": 8},
                "maxCallSeconds": 1200,
                "placement": {"nodeSelector": {"switchboard.dev/workload": "voice"}},
            }
        ],
    }
    spec = TenantSpec.model_validate(owner)
    pool = shared_pool.build(
        "smile-dental", "7e4a", spec, spec.worker_pools[0], "switchboard-system"
    )
    objects = [obj for _, obj in workers.build(pool, WORKER)]
    text = yaml.safe_dump(_plain(objects), sort_keys=False, width=100)
    path = GOLDEN / "tenant-pool.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_credentials_stand_only_in_the_secret() -> None:
    rest = [obj for kind, obj in plan(CASES["shared"], WORKER).children if kind.kind != "Secret"]
    text = yaml.safe_dump(rest)
    assert WORKER.livekit_api_secret not in text.replace("secretKeyRef", "")
    assert WORKER.redis_url not in text


def test_new_livekit_credentials_roll_the_workers() -> None:
    changed = dataclasses.replace(WORKER, livekit_api_secret="another")
    assert _template(plan(inputs(), WORKER)) != _template(plan(inputs(), changed))


def test_new_words_make_a_revision_and_leave_the_workers_alone() -> None:
    before, after = plan(inputs(), WORKER), plan(inputs(persona={"name": "Bea"}), WORKER)
    assert before.revision != after.revision
    assert _template(before) == _template(after)


def test_workers_send_traces_where_the_platform_says() -> None:
    collector, name = "http://collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"
    environment = {
        "SWITCHBOARD_LIVEKIT_API_URL": "http://a",
        "SWITCHBOARD_LIVEKIT_WORKER_URL": "ws://a",
        "SWITCHBOARD_LIVEKIT_API_KEY": "k",
        "SWITCHBOARD_LIVEKIT_API_SECRET": "s",
        "SWITCHBOARD_REDIS_URL": "redis://a",
        "SWITCHBOARD_WORKER_IMAGE": "i",
        "SWITCHBOARD_WORKER_OTLP_ENDPOINT": collector,
    }
    traced = from_environment(environment).worker
    assert {"name": name, "value": collector} in _env(plan(inputs(), traced))
    assert name not in {entry["name"] for entry in _env(plan(inputs(), WORKER))}


def _env(state: DesiredState) -> list[dict[str, object]]:
    (container,) = cast("dict[str, Any]", _template(state))["spec"]["containers"]
    return cast("list[dict[str, object]]", container["env"])


def _template(state: DesiredState) -> object:
    children = {kind.kind: obj for kind, obj in state.children}
    return children["Deployment"]["spec"]["template"]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, StrEnum) else value
