"""What a worker needs to know to answer for one VoiceAgent: the compiled, immutable revision.

The operator compiles a VoiceAgent and its Tenant into an `AgentConfig`, names it by its content
and stores it in a ConfigMap; workers read it, a call is pinned to it. Nothing in it is looked up
again while a call runs, so a call needs no control plane.
"""

import hashlib
from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import Model
from switchboard_contract.crd.transfer import Transfer
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, Persona, PromptDialog, SttSpec, TtsSpec
from switchboard_contract.dialog import Script


class CompiledLlm(Model):
    """One language model of the chain, as a client needs it."""

    name: str
    """In metrics and logs; unique in the chain."""
    base_url: str
    """Root of an OpenAI-compatible API."""
    model: str
    api_key_file: str | None = None
    """File in the worker's pod that holds the bearer token; None sends none."""
    temperature: float
    max_tokens: int
    first_token_timeout_ms: int


class AgentConfig(Model):
    """One agent revision."""

    namespace: str
    name: str
    tenant: str
    language: str
    persona: Persona
    script: Script | None = None
    prompt: PromptDialog | None = None
    """What the agent says is led by a script or by a prompt: exactly one is set."""
    llm: tuple[CompiledLlm, ...] = ()
    """Language models in the order in which they are asked."""
    stt: SttSpec
    tts: TtsSpec
    turn: TurnSpec
    transfer: Transfer | None = None
    """Who takes over a call that the dialog hands on; None where it never does."""
    limits: Limits
    tenant_concurrent_calls: int | None = None
    """Quota of the tenant over all its agents; None is unlimited."""
    tenant_calls_per_second: int | None = None
    """New calls of the tenant over all its agents; None is unlimited."""
    tenant_countries: tuple[str, ...] | None = None
    """Countries whose numbers may call and be called, by ISO 3166-1 alpha-2 code; None is any."""
    variant: str | None = None
    """Name of the A/B variant that this is; None is the spec itself."""

    @model_validator(mode="after")
    def _one_dialog(self) -> Self:
        if (self.script is None) == (self.prompt is None):
            raise ValueError("exactly one of script and prompt must be set")
        if self.prompt is not None and not self.llm:
            raise ValueError("a prompt needs a language model")
        if self.script is not None and self.script.transfers and self.transfer is None:
            raise ValueError("transfer must be set when the script transfers calls")
        return self

    @property
    def key(self) -> str:
        """`namespace/name` of the VoiceAgent."""
        return f"{self.namespace}/{self.name}"

    def to_json(self) -> str:
        """Canonical JSON: the same configuration always gives the same bytes."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @property
    def revision(self) -> str:
        """Content hash, ten hex digits: the name of the revision."""
        return revision_of(self.to_json())


def revision_of(text: str) -> str:
    """Return the name of the revision whose ConfigMap holds this text.

    Of the text, not of what is read from it: a later version of this module may read an old text
    into more fields, and a revision keeps its name as long as it is kept.
    """
    return hashlib.sha256(text.encode()).hexdigest()[:10]


class VariantShare(Model):
    """A revision that serves a share of the calls."""

    name: str
    revision: str
    weight: int = Field(ge=0, le=100)
    """Percent of the calls."""


class DispatchMetadata(Model):
    """What a LiveKit dispatch rule hands to the worker: which agent, which revision."""

    agent: str
    """`namespace/name` of the VoiceAgent."""
    revision: str
    """Serves what no variant takes."""
    variants: list[VariantShare] = Field(default_factory=list)
    probe: bool = False
    """No call: the worker is tried out (see `switchboard_contract.probe`)."""
    ask_models: bool = True
    """Whether a probe asks language models: questions cost money, and there is a budget."""
