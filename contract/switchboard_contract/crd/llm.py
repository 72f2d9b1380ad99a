"""Language models of an agent: which endpoints it may ask, in which order."""

from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import DnsLabel, Model, ObjectKeyRef


class LlmProvider(Model):
    """One OpenAI-compatible endpoint: vLLM, Ollama and OpenAI speak it."""

    name: DnsLabel = Field(description="Name in metrics and logs, unique in the chain.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/$.?#][^\s]*$",
        max_length=512,
        description="Root of the API, such as https://api.openai.com/v1.",
    )
    model_server: DnsLabel | None = Field(
        default=None, description="Or a server under spec.modelServers, by its name."
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Model asked for; left out: that of the model server.",
    )
    api_key_ref: ObjectKeyRef | None = Field(
        default=None, description="Secret key that holds the bearer token."
    )
    credential: DnsLabel | None = Field(
        default=None, description="Or a key that the Tenant names, under its spec.credentials."
    )
    temperature: float = Field(default=0.3, ge=0, le=2, description="Sampling temperature.")
    max_tokens: int = Field(default=160, ge=1, le=4096, description="Longest reply, in tokens.")
    first_token_timeout_ms: int = Field(
        default=700,
        ge=100,
        le=10_000,
        description=(
            "Silence after which the next provider of the chain is asked. The last one has what is "
            "left of dialog.prompt.answerWithinMs."
        ),
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.base_url is None) == (self.model_server is None):
            raise ValueError("exactly one of baseUrl and modelServer must be set")
        if self.base_url is not None and self.model is None:
            raise ValueError("model must be set beside baseUrl")
        if self.api_key_ref is not None and self.credential is not None:
            raise ValueError("at most one of apiKeyRef and credential may be set")
        return self


class LlmSpec(Model):
    """The chain of language models."""

    providers: list[LlmProvider] = Field(
        min_length=1, max_length=5, description="Asked in this order: the first is the primary."
    )

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        if len({p.name for p in self.providers}) != len(self.providers):
            raise ValueError("names of providers must not repeat")
        return self
