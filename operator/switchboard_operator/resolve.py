"""Reading what an admitted VoiceAgent refers to: its dialog's ConfigMap, its tenant's Secret.

What these hold is written by tenants, so it is bounded and parsed with care: YAML aliases are
refused (a few lines of them can unfold to gigabytes).
"""

import base64
import binascii
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

import yaml
from pydantic import ValidationError

from switchboard_contract.crd.meta import ObjectKeyRef, SecretRef
from switchboard_contract.crd.status import Reason
from switchboard_contract.dialog import Script
from switchboard_operator.accept import Admission, Refusal, Withdraw, explain
from switchboard_operator.desired.inputs import AgentInputs, Digest
from switchboard_operator.desired.language_models import addresses
from switchboard_operator.desired.variants import merged
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET, Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of
from switchboard_operator.models.keys import check_keys
from switchboard_operator.settings import Settings

_MOST_BYTES = 256 * 1024
"""Longest dialog: about fifty times that of the sample."""


class References(Protocol):
    """Reads objects that people wrote, and remembers who asked."""

    async def read(self, kind: Kind, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a ConfigMap or Secret, or None if it is not there."""


async def resolve(
    agent: Object, admission: Admission, references: References, settings: Settings
) -> AgentInputs | Refusal:
    """Read everything the agent refers to."""
    namespace = namespace_of(agent)
    script = await _script(namespace, admission, references)
    if isinstance(script, Refusal):
        return script
    variants = await _variants(namespace, admission, references, script)
    if isinstance(variants, Refusal):
        return variants
    if refusal := await check_keys(namespace, admission, references):
        return refusal
    secret = admission.tenant.sip.ingress.digest_secret_ref
    digest = await _digest(namespace, secret, references) if secret else None
    if isinstance(digest, Refusal):
        return digest
    egress = await _egress_digests(namespace, admission, references)
    if isinstance(egress, Refusal):
        return egress
    return AgentInputs(
        namespace=namespace,
        name=name_of(agent),
        uid=uid_of(agent),
        spec=admission.spec,
        tenant_name=admission.tenant_name,
        tenant=admission.tenant,
        script=script,
        digest=digest,
        variant_scripts=variants,
        generation=int(agent["metadata"].get("generation", 0)),
        tenant_uid=admission.tenant_uid,
        egress_digests=egress,
        model_servers=addresses(admission.spec, settings),
    )


async def _variants(
    namespace: str, admission: Admission, references: References, script: Script | None
) -> tuple[Script | None, ...] | Refusal:
    """Read the dialog of each variant; one without has that of the spec."""
    found = []
    for index, variant in enumerate(admission.spec.variants):
        own: Script | Refusal | None = script
        if variant.dialog is not None:
            served = replace(admission, spec=merged(admission.spec, variant))
            own = await _script(namespace, served, references, f"spec.variants[{index}].dialog")
        if isinstance(own, Refusal):
            return own
        found.append(own)
    return tuple(found)


async def _script(
    namespace: str, admission: Admission, references: References, field: str = "spec.dialog"
) -> Script | Refusal | None:
    """Return the script; None where a prompt takes its place."""
    dialog = admission.spec.dialog
    ref = dialog.config_map_ref
    if ref is None:
        return dialog.inline
    stays = _stays(admission)
    data = await references.read(CONFIG_MAP, namespace, ref.name)
    if data is None:
        return Refusal(
            Reason.DIALOG_NOT_FOUND,
            f"{field}.configMapRef.name: there is no ConfigMap {ref.name} in namespace "
            f"{namespace}; create it or correct the name",
            stays,
        )
    if ref.key not in data:
        return Refusal(
            Reason.DIALOG_NOT_FOUND,
            f"{field}.configMapRef.key: ConfigMap {ref.name} has no key {ref.key}; "
            "add it or correct the key",
            stays,
        )
    parsed = parse_script(data[ref.key])
    if isinstance(parsed, Script):
        if not parsed.transfers or admission.spec.transfer is not None:
            return parsed
        parsed = "it transfers calls; set spec.transfer to say where to"
    return Refusal(Reason.DIALOG_INVALID, _where(field, ref) + parsed, stays)


def _where(field: str, ref: ObjectKeyRef) -> str:
    return f"{field}.configMapRef: ConfigMap {ref.name}, key {ref.key}: "


@lru_cache(maxsize=64)
def parse_script(text: str) -> Script | str:
    """Return the dialog in a text of YAML or JSON, or what is wrong with it."""
    if len(text) > _MOST_BYTES:
        return f"longer than {_MOST_BYTES // 1024} KiB; shorten it"
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)):
            return "YAML aliases (*name) are not taken; write the value out"
        value = yaml.load(text, loader)  # noqa: S506  a safe loader, the C one where there is one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return f"not YAML or JSON (line {mark.line + 1})" if mark else "not YAML or JSON"
    try:
        return Script.model_validate(value)
    except ValidationError as error:
        return explain(error, "dialog")


async def _egress_digests(
    namespace: str, admission: Admission, references: References
) -> dict[str, Digest] | Refusal:
    """Read the credentials for each of the tenant's carriers that asks for some."""
    found: dict[str, Digest] = {}
    for index, carrier in enumerate(admission.tenant.sip.egress):
        if (ref := carrier.digest_secret_ref) is None:
            continue
        field = f"Tenant spec.sip.egress[{index}].digestSecretRef"
        digest = await _digest(namespace, ref, references, field)
        if isinstance(digest, Refusal):
            return digest
        found[carrier.name] = digest
    return found


async def _digest(
    namespace: str,
    ref: SecretRef,
    references: References,
    field: str = "Tenant spec.sip.ingress.digestSecretRef",
) -> Digest | Refusal:
    data = await references.read(SECRET, namespace, ref.name)
    if data is None:
        return Refusal(
            Reason.SECRET_NOT_FOUND,
            f"{field}: there is no Secret {ref.name} in namespace {namespace}; create it with the "
            "keys username and password",
        )
    try:
        username, password = (_decoded(data, key) for key in ("username", "password"))
    except (KeyError, ValueError, binascii.Error):
        return Refusal(
            Reason.SECRET_INVALID,
            f"{field}: Secret {ref.name} in namespace {namespace} needs the keys username and "
            "password, neither empty",
        )
    return Digest(username, password)


def _decoded(data: dict[str, str], key: str) -> str:
    if text := base64.b64decode(data[key], validate=True).decode():
        return text
    raise ValueError(key)


def _stays(admission: Admission) -> Withdraw:
    suspended = admission.tenant.suspend or admission.spec.suspend
    return Withdraw.RULE if suspended else Withdraw.NOTHING
