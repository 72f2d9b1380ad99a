"""A/B variants: each is the spec with some parts replaced, compiled into a revision of its own."""

from dataclasses import dataclass, replace

from switchboard_contract.agent_config import AgentConfig, VariantShare
from switchboard_contract.crd.voice_agent import Variant, VoiceAgentSpec
from switchboard_contract.dialog import Script
from switchboard_operator.desired.inputs import AgentInputs

_REPLACED = ("dialog", "persona", "tts", "llm", "turn")
"""Fields that a variant may bring."""


@dataclass(frozen=True, slots=True)
class CompiledVariant:
    """A variant as the workers get it."""

    config: AgentConfig
    share: VariantShare


def merged(spec: VoiceAgentSpec, variant: Variant) -> VoiceAgentSpec:
    """Return the spec with what the variant replaces."""
    brought = {name: getattr(variant, name) for name in _REPLACED}
    changes = {name: value for name, value in brought.items() if value is not None}
    return spec.model_copy(update=changes | {"variants": []})


def compiled(inputs: AgentInputs) -> list[CompiledVariant]:
    """Return every variant in the order of the spec."""
    return [
        _compiled(inputs, variant, script)
        for variant, script in zip(inputs.spec.variants, inputs.variant_scripts, strict=True)
    ]


def _compiled(inputs: AgentInputs, variant: Variant, script: Script | None) -> CompiledVariant:
    served = replace(inputs, spec=merged(inputs.spec, variant), script=script, variant_scripts=())
    config = served.config.model_copy(update={"variant": variant.name})
    share = VariantShare(name=variant.name, revision=config.revision, weight=variant.weight)
    return CompiledVariant(config, share)
