"""Turn-taking of a VoiceAgent: when a pause ends the caller's turn, when a sound interrupts."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from switchboard_contract.crd.meta import Model

SpokenWords = Annotated[
    str, StringConstraints(pattern=r"^[a-z'-]+( [a-z'-]+){0,5}$", max_length=60)
]
"""A word or a short phrase in lower case, as a recogniser writes it."""


class EndDetector(StrEnum):
    """What judges whether a pause is the end."""

    SILENCE = "silence"
    COMPLETENESS = "completeness"
    AUDIO_MODEL = "audioModel"


class EndModel(Model):
    """A model that hears whether the caller is done."""

    path: str = Field(
        pattern=r"^/[^\x00-\x1f]{1,250}$",
        description=(
            "ONNX file in the worker's pod with the interface of Smart Turn v3: input_features "
            "(1 x 80 x 800 log-mel of the turn's last 8 s) in, a probability out."
        ),
    )
    threshold: float = Field(
        default=0.5, ge=0.05, le=0.95, description="Probability from which the turn is over."
    )


class Endpointing(Model):
    """When a pause of the caller ends the turn."""

    detector: EndDetector = Field(
        default=EndDetector.COMPLETENESS,
        description=(
            "What judges a pause. silence: minSilenceMs ends every turn. completeness: the words "
            "do. audioModel: the model under endpointing.model does, by ear; the words, where it "
            "cannot be run."
        ),
    )

    min_silence_ms: int = Field(
        default=240,
        ge=100,
        le=3000,
        description="Silence that ends the turn when the words are complete.",
    )
    max_silence_ms: int = Field(
        default=1600,
        ge=100,
        le=5000,
        description='Silence that ends it when they are not (a trailing "and").',
    )
    dictation_silence_ms: int = Field(
        default=2000,
        ge=100,
        le=8000,
        description=(
            "Silence that ends it in the middle of something dictated (digits, letters, an e-mail "
            "or street address); never shorter than maxSilenceMs."
        ),
    )
    model: EndModel | None = Field(
        default=None, description="Needed by detector audioModel, and used by no other."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_silence_ms > self.max_silence_ms:
            raise ValueError("minSilenceMs must not be above maxSilenceMs")
        return self

    @model_validator(mode="after")
    def _model_where_used(self) -> Self:
        if (self.model is not None) != (self.detector is EndDetector.AUDIO_MODEL):
            raise ValueError("model must be set with detector audioModel, and only then")
        return self


class BargeIn(Model):
    """Whether and how the caller can interrupt.

    The agent pauses at once. What the sound was shows after: words, or their lack, decide whether
    it stops or goes on.
    """

    enabled: bool = Field(default=True, description="Whether speech of the caller stops the agent.")
    min_speech_ms: int = Field(
        default=250,
        ge=50,
        le=2000,
        description=(
            "Speech with a word in it that confirms an interruption; shorter resumes the agent, "
            "unless it has minWords or an interruption word."
        ),
    )
    min_words: int = Field(
        default=2,
        ge=1,
        le=5,
        description=(
            "Words that confirm an interruption at once, however short they were; those of "
            "backchannelWords do not count."
        ),
    )
    interruption_words: list[SpokenWords] | None = Field(
        default=None,
        max_length=50,
        description=(
            "Words that confirm an interruption as soon as they are heard; those of the language "
            "(stop, wait, hold on, excuse me and so on) if left out."
        ),
    )
    backchannel_words: list[SpokenWords] | None = Field(
        default=None,
        max_length=50,
        description=(
            "Words that show only that the caller listens: the agent goes on where it paused; "
            "those of the language (uh-huh, yeah, okay and so on) if left out."
        ),
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        both = set(self.interruption_words or ()) & set(self.backchannel_words or ())
        if both:
            raise ValueError(
                f"{min(both)!r} cannot be both in interruptionWords and in backchannelWords"
            )
        return self


class Filler(Model):
    """Something short said while the answer is not there yet."""

    after_ms: int = Field(
        default=1000,
        ge=200,
        le=5000,
        description=(
            "Time from the end of the caller's turn to the filler; an answer that is ready by then "
            "is said instead. Dialogs led by a prompt need answerWithinMs well above it."
        ),
    )
    phrases: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default=["Let me check.", "One moment, please."],
        min_length=1,
        max_length=10,
        description="What is said, one after the other from turn to turn.",
    )


class TurnSpec(Model):
    """Turn-taking."""

    endpointing: Endpointing = Field(default_factory=Endpointing)
    barge_in: BargeIn = Field(default_factory=BargeIn)
    speculation: bool = Field(
        default=True,
        description=(
            "Whether a reply is begun while the caller's pause still grows: answers come sooner, "
            "and replies thrown away because the caller went on are paid for."
        ),
    )
    filler: Filler | None = Field(
        default=None, description="Said when an answer is slow; nothing is, if left out."
    )
    no_input_seconds: int = Field(
        default=8, ge=2, le=60, description="Silence of the caller before the agent asks again."
    )
    no_input_reprompts: int = Field(
        default=2,
        ge=0,
        le=5,
        description="Times in a row that the agent asks a silent caller before it says goodbye.",
    )
    hold_seconds: int = Field(
        default=30,
        ge=5,
        le=300,
        description='Silence before it asks again after the caller said "one moment".',
    )
