"""Keys that a Tenant names for its VoiceAgents: put in the place of their names, once. Pure.

Everything after admission goes by `apiKeyRef`, so a key by name is a file in the agent's own
workers like any other.
"""

from collections.abc import Mapping

from switchboard_contract.crd.llm import LlmProvider, LlmSpec
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.status import Reason
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.entitlement import Excess, providers_of

Keys = Mapping[str, ObjectKeyRef]


def with_keys(
    spec: VoiceAgentSpec, tenant_name: str, tenant: TenantSpec
) -> VoiceAgentSpec | Excess:
    """Return the spec with the Tenant's keys in it, or which name the Tenant does not have."""
    keys = {one.name: one.secret_key_ref for one in tenant.credentials}
    for field, provider in providers_of(spec):
        if provider.credential is not None and provider.credential not in keys:
            there = ", ".join(sorted(keys)) or "none"
            return Excess(
                Reason.CREDENTIAL_UNKNOWN,
                f"{field}.credential: Tenant {tenant_name} has no credential {provider.credential} "
                f"(it has: {there}); correct the name, have it added to the Tenant's "
                "spec.credentials, or use apiKeyRef",
            )
    variants = [one.model_copy(update={"llm": _chain(one.llm, keys)}) for one in spec.variants]
    return spec.model_copy(update={"llm": _chain(spec.llm, keys), "variants": variants})


def _chain(llm: LlmSpec | None, keys: Keys) -> LlmSpec | None:
    if llm is None:
        return None
    return llm.model_copy(update={"providers": [_keyed(one, keys) for one in llm.providers]})


def _keyed(provider: LlmProvider, keys: Keys) -> LlmProvider:
    if provider.credential is None:
        return provider
    return provider.model_copy(update={"api_key_ref": keys[provider.credential]})
