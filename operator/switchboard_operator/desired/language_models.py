"""The language models of an agent: the compiled chain, and the keys that its workers need.

Only a dialog led by a prompt asks them, so only then do they enter a revision or a pod.
"""

from collections.abc import Iterator, Mapping

from switchboard_contract.agent_config import CompiledLlm
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.llm_chain import ServerAddress, compile_chain, key_refs
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.settings import Settings


def addresses(spec: VoiceAgentSpec, settings: Settings) -> dict[str, ServerAddress]:
    """Return where the model servers of a spec answer, by their names in it."""
    return {
        server.name: ServerAddress(*endpoint(server, settings)) for server in spec.model_servers
    }


def chain(spec: VoiceAgentSpec, servers: Mapping[str, ServerAddress]) -> tuple[CompiledLlm, ...]:
    """Return the compiled chain; empty for a scripted dialog."""
    return compile_chain(spec.llm, servers) if spec.dialog.prompt is not None else ()


def keys(spec: VoiceAgentSpec) -> Iterator[tuple[str, ObjectKeyRef]]:
    """Return the Secret keys that the spec and its variants need, each with its field."""
    served = [("spec", spec.dialog, spec.llm)]
    for index, variant in enumerate(spec.variants):
        field = "spec" if variant.llm is None else f"spec.variants[{index}]"
        served.append((field, variant.dialog or spec.dialog, variant.llm or spec.llm))
    for field, dialog, llm in served:
        if dialog.prompt is not None and llm is not None:
            for index, ref in key_refs(llm):
                named = llm.providers[index].credential is not None
                yield _where(f"{field}.llm.providers[{index}]", named=named), ref


def _where(provider: str, *, named: bool) -> str:
    """Say which field brings a key: the agent's own, or that of the Tenant's credential."""
    by_name = f"Tenant spec.credentials, named by {provider}.credential: secretKeyRef"
    return by_name if named else f"{provider}.apiKeyRef"
