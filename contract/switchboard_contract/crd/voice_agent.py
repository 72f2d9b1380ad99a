"""`VoiceAgent`: a phone number answered by an AI."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.channels import Channels
from switchboard_contract.crd.llm import LlmSpec
from switchboard_contract.crd.meta import E164, DnsLabel, Model, ObjectKeyRef
from switchboard_contract.crd.model_server import ModelEngine, ModelServer
from switchboard_contract.crd.scaling import LatencySpec, Placement, PodTemplate, Scaling
from switchboard_contract.crd.transfer import Transfer
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.dialog import Script


class Persona(Model):
    """Who answers."""

    name: str = Field(
        min_length=1,
        max_length=80,
        description="Name that the agent gives itself: {agent} in says.",
    )
    business: str = Field(
        default="", max_length=120, description="On whose behalf it answers: {business} in says."
    )

    def fill(self, text: str) -> str:
        """`text` with {agent} and {business} in place."""
        return text.replace("{agent}", self.name).replace("{business}", self.business)


class PromptDialog(Model):
    """A dialog led by a language model."""

    greeting: str = Field(
        min_length=1, max_length=500, description="First words; {agent} and {business} are filled."
    )
    instructions: str = Field(
        min_length=1, max_length=16_000, description="System prompt of the language model."
    )
    disclosure: str | None = Field(
        default=None,
        min_length=1,
        max_length=600,
        description=(
            "Said after the greeting to every caller and to its end, such as a legal notice: "
            "callers cannot interrupt it. {agent} and {business} are filled."
        ),
    )
    fallback: str = Field(
        default="I am sorry, something went wrong on our side. Could you say that again?",
        min_length=1,
        max_length=500,
        description="Said when no language model answers in time.",
    )
    hold: str = Field(
        default="Take your time.",
        max_length=200,
        description='Said when the caller asks to wait ("one moment"); empty says nothing.',
    )
    press_keys: bool = Field(
        default=False,
        description="Let the language model press telephone keys, as menus of others ask for.",
    )
    answer_within_ms: int = Field(
        default=1500,
        ge=300,
        le=7000,
        description="Longest wait for the first words of an answer, over all language models.",
    )


class DialogSpec(Model):
    """What the agent says and asks: a script (inline or in a ConfigMap), or a prompt."""

    inline: Script | None = Field(default=None, description="The script itself.")
    config_map_ref: ObjectKeyRef | None = Field(
        default=None, description="A ConfigMap key that holds the script as YAML or JSON."
    )
    prompt: PromptDialog | None = Field(
        default=None, description="Or instructions for the language models under spec.llm."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(x is not None for x in (self.inline, self.config_map_ref, self.prompt)) != 1:
            raise ValueError("exactly one of inline, configMapRef and prompt must be set")
        return self


class SttProvider(StrEnum):
    """Speech recognisers that need no account."""

    POCKETSPHINX = "pocketsphinx"


class TtsProvider(StrEnum):
    """Speech synthesisers that need no account."""

    ESPEAK_NG = "espeak-ng"


class SttSpec(Model):
    """How the caller is heard."""

    provider: SttProvider = Field(
        default=SttProvider.POCKETSPHINX, description="Speech recogniser."
    )


class TtsSpec(Model):
    """How the agent sounds."""

    provider: TtsProvider = Field(default=TtsProvider.ESPEAK_NG, description="Speech synthesiser.")
    voice: str = Field(
        default="en-us+f3",
        pattern=r"^[a-z]{2,3}([-+][A-Za-z0-9-]+)*$",
        description="Voice of the provider, such as en-us+f3.",
    )
    rate_wpm: int = Field(
        default=165, ge=80, le=320, description="Speaking rate in words per minute."
    )


class Limits(Model):
    """Bounds of one call."""

    max_call_seconds: int = Field(
        default=900,
        ge=10,
        le=14_400,
        description="Longest call; also the time that a worker gets to finish its calls.",
    )
    max_concurrent_calls: int | None = Field(
        default=None, ge=1, le=100_000, description="Calls of this agent at once; more are refused."
    )


class ProbeSpec(Model):
    """Whether the operator tries the agent out, without a phone."""

    enabled: bool = Field(
        default=True, description="Dispatch the agent to a probe room after changes and regularly."
    )
    interval_seconds: int = Field(
        default=600, ge=30, le=86_400, description="Time between probes of an unchanged agent."
    )
    gates_ready: bool = Field(default=False, description="Whether Ready needs an answered probe.")


class Variant(Model):
    """Another way to serve a share of the calls; what it leaves out is as in the spec."""

    name: DnsLabel = Field(description="Name in call records and metrics.")
    weight: int = Field(ge=0, le=100, description="Share of the calls, in percent.")
    dialog: DialogSpec | None = Field(default=None, description="Instead of spec.dialog.")
    persona: Persona | None = Field(default=None, description="Instead of spec.persona.")
    tts: TtsSpec | None = Field(default=None, description="Instead of spec.tts.")
    llm: LlmSpec | None = Field(default=None, description="Instead of spec.llm.")
    turn: TurnSpec | None = Field(default=None, description="Instead of spec.turn.")


class VoiceAgentSpec(Model):
    """What the user asks for."""

    numbers: list[E164] = Field(
        min_length=1,
        max_length=100,
        description="Phone numbers answered, E.164, such as +15550100.",
    )
    channels: Channels = Field(
        default_factory=Channels, description="Ways on which callers reach the numbers."
    )
    language: str = Field(
        default="en-US", pattern=r"^en-US$", description="Language of the call, BCP 47."
    )
    persona: Persona
    dialog: DialogSpec
    stt: SttSpec = Field(default_factory=SttSpec)
    tts: TtsSpec = Field(default_factory=TtsSpec)
    llm: LlmSpec | None = Field(
        default=None, description="Language models; required by dialog.prompt."
    )
    turn: TurnSpec = Field(default_factory=TurnSpec)
    transfer: Transfer | None = Field(
        default=None,
        description=(
            "Human who takes over the call: where a script's transfer leads, and what a language "
            "model may then do by itself. For callers by SIP; with briefing also from browsers."
        ),
    )
    limits: Limits = Field(default_factory=Limits)
    scaling: Scaling = Field(default_factory=Scaling)
    latency: LatencySpec = Field(default_factory=LatencySpec)
    model_servers: list[ModelServer] = Field(
        default_factory=list, max_length=10, description="Model servers that the operator runs."
    )
    worker_pool: DnsLabel | None = Field(
        default=None,
        description=(
            "Worker pool of the Tenant (spec.workerPools) that serves the agent instead of workers "
            "of its own; scaling, latency, placement and podTemplate are then those of the pool."
        ),
    )
    placement: Placement = Field(default_factory=Placement)
    pod_template: PodTemplate | None = Field(
        default=None,
        description=(
            "Partial pod template (metadata, spec) merged over that of the worker pods, whose "
            "container is named worker, as a strategic merge patch; null removes a field."
        ),
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    probe: ProbeSpec = Field(default_factory=ProbeSpec)
    variants: list[Variant] = Field(
        default_factory=list,
        max_length=10,
        description="A/B variants; calls that no variant takes are served by the spec itself.",
    )
    suspend: bool = Field(
        default=False, description="Take no new calls; calls in progress are finished."
    )
    revision_history_limit: int = Field(
        default=10, ge=0, le=100, description="Old agent revisions that are kept."
    )

    @model_validator(mode="after")
    def _numbers_once(self) -> Self:
        if len(set(self.numbers)) != len(self.numbers):
            raise ValueError("numbers must not repeat")
        return self

    @model_validator(mode="after")
    def _latency_of_the_pool(self) -> Self:
        if self.worker_pool is not None and self.latency.target_p95_ms is not None:
            raise ValueError(
                "latency.targetP95Ms must be left out beside workerPool: set the pool's"
            )
        return self

    @model_validator(mode="after")
    def _twilio_needs_own_workers(self) -> Self:
        if self.channels.twilio is not None and self.worker_pool is not None:
            raise ValueError("channels.twilio needs workers of its own: leave out workerPool")
        return self

    @model_validator(mode="after")
    def _prompt_needs_llm(self) -> Self:
        if self.dialog.prompt is not None and self.llm is None:
            raise ValueError("llm must be set when dialog.prompt is")
        return self

    @model_validator(mode="after")
    def _transfer_has_a_target(self) -> Self:
        scripts = [self.dialog.inline, *(v.dialog.inline for v in self.variants if v.dialog)]
        if self.transfer is None and any(script and script.transfers for script in scripts):
            raise ValueError("transfer must be set when a script transfers calls")
        return self

    @model_validator(mode="after")
    def _servers_known(self) -> Self:
        known = {server.name for server in self.model_servers}
        if len(known) != len(self.model_servers):
            raise ValueError("names of modelServers must not repeat")
        for provider in self.llm.providers if self.llm else ():
            if provider.model_server is not None and provider.model_server not in known:
                raise ValueError(f"llm provider {provider.name}: no such entry in modelServers")
        triton = {s.name for s in self.model_servers if s.engine is not ModelEngine.VLLM}
        if self.llm and any(p.model_server in triton for p in self.llm.providers):
            raise ValueError("llm providers need a modelServer with engine vllm")
        return self

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        if len({v.name for v in self.variants}) != len(self.variants):
            raise ValueError("names of variants must not repeat")
        if sum(v.weight for v in self.variants) > 100:  # noqa: PLR2004  percent
            raise ValueError("weights of variants must not add up to more than 100")
        return self

    @model_validator(mode="after")
    def _variants_whole(self) -> Self:
        known = {server.name for server in self.model_servers}
        triton = {s.name for s in self.model_servers if s.engine is not ModelEngine.VLLM}
        for variant in self.variants:
            llm = variant.llm or self.llm
            if variant.dialog is not None and variant.dialog.prompt is not None and llm is None:
                raise ValueError(f"variant {variant.name}: dialog.prompt needs llm")
            asked = {p.model_server for p in variant.llm.providers} if variant.llm else set()
            if asked - {None} - known:
                raise ValueError(f"variant {variant.name}: llm names an unknown modelServers entry")
            if asked & triton:
                raise ValueError(f"variant {variant.name}: llm needs a modelServer of engine vllm")
        return self
