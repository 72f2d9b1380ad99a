"""The CustomResourceDefinitions, as plain data: names, columns, subresources and schemas.

`scripts/generate_crds.py` writes them as YAML; a test fails when the files differ from this.
"""

from typing import Any

from switchboard_contract import names
from switchboard_contract.crd.rules import TENANT_NAME, TENANT_POOL_NAMES, VOICE_AGENT_NAME, Rule
from switchboard_contract.crd.schema import Schema, structural
from switchboard_contract.crd.status import TenantStatus, VoiceAgentStatus
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.version import SCHEMA_VERSION, spec_hash
from switchboard_contract.crd.voice_agent import VoiceAgentSpec

_CONDITIONS: dict[str, Schema] = {
    "conditions": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
}
_BY_NAME: Schema = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
_AGENT_LISTS: dict[str, Schema] = {
    "numbers": {"x-kubernetes-list-type": "set"},
    "modelServers": _BY_NAME,
    "variants": _BY_NAME,
}
_READY = '.status.conditions[?(@.type=="Ready")]'


def _column(name: str, path: str, kind: str = "string", description: str = "") -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"description": description} if description else {})


def _root(kind: str, description: str, spec: Schema, status: Schema, *rules: Rule) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of this schema."},
            "kind": {"type": "string", "description": f"Always {kind}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [rule.to_schema() for rule in rules],
    }


def _definition(
    *, kind: str, plural: str, short: str, scope: str, columns: list[Schema], schema: Schema
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["voice"],
            },
            "scope": scope,
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def _versioned(crd: dict[str, Any]) -> dict[str, Any]:
    """Add what tells an operator whether the schema is new enough for it."""
    crd["metadata"]["annotations"] = {
        names.SCHEMA_VERSION_ANNOTATION: str(SCHEMA_VERSION),
        names.SCHEMA_HASH_ANNOTATION: spec_hash(crd),
    }
    return crd


def voice_agent_crd() -> dict[str, Any]:
    """Return the CRD of VoiceAgent."""
    schema = _root(
        "VoiceAgent",
        "A phone number answered by an AI.",
        structural(VoiceAgentSpec, lists=_AGENT_LISTS),
        structural(VoiceAgentStatus, lists=_CONDITIONS),
        VOICE_AGENT_NAME,
    )
    columns = [
        _column("Ready", f"{_READY}.status", description="Whether it can take a call now."),
        _column("Reason", f"{_READY}.reason", description="Why, or why not."),
        _column("Numbers", ".spec.numbers", description="Phone numbers it answers."),
        _column("Calls", ".status.activeCalls", "integer", "Calls in progress."),
        _column("Workers", ".status.readyWorkers", "integer", "Worker pods ready for calls."),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
    crd = _definition(
        kind="VoiceAgent",
        plural="voiceagents",
        short="va",
        scope="Namespaced",
        columns=columns,
        schema=schema,
    )
    crd["spec"]["versions"][0]["subresources"]["scale"] = {
        "specReplicasPath": ".spec.scaling.min",
        "statusReplicasPath": ".status.workers",
        "labelSelectorPath": ".status.selector",
    }
    return crd


def tenant_crd() -> dict[str, Any]:
    """Return the CRD of Tenant."""
    schema = _root(
        "Tenant",
        "Owner of namespaces, numbers and limits. A namespace belongs to the Tenant that its label "
        "switchboard.dev/tenant names.",
        structural(TenantSpec, lists={"workerPools": _BY_NAME, "credentials": _BY_NAME}),
        structural(TenantStatus, lists=_CONDITIONS),
        TENANT_NAME,
        TENANT_POOL_NAMES,
    )
    columns = [
        _column("Display-Name", ".spec.displayName", description="Name shown to people."),
        _column("Ready", f"{_READY}.status", description="Whether its agents may serve calls."),
        _column("Reason", f"{_READY}.reason", description="Why, or why not."),
        _column("Agents", ".status.voiceAgents", "integer", "VoiceAgents of the tenant."),
        _column("Isolation", ".spec.isolation"),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
    return _definition(
        kind="Tenant",
        plural="tenants",
        short="ten",
        scope="Cluster",
        columns=columns,
        schema=schema,
    )


def crds() -> dict[str, dict[str, Any]]:
    """Return every CRD by the name of its file."""
    return {
        "switchboard.dev_tenants.yaml": _versioned(tenant_crd()),
        "switchboard.dev_voiceagents.yaml": _versioned(voice_agent_crd()),
    }
