"""What every resource model shares: spelling, strictness and the condition type."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{1,14}$")]
"""A phone number in ITU-T E.164 form: "+", country code, at most 15 digits."""

DnsLabel = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)
]
"""Name of a Kubernetes object that must be a DNS label (RFC 1123)."""


class Model(BaseModel):
    """camelCase on the wire, snake_case in Python; an unknown field is an error, not ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class ConditionStatus(StrEnum):
    """Status of a condition, as Kubernetes spells it."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ObjectKeyRef(Model):
    """One key of a Secret or ConfigMap in the VoiceAgent's own namespace."""

    name: DnsLabel = Field(description="Name of the object, in the VoiceAgent's namespace.")
    key: str = Field(min_length=1, max_length=253, description="Key inside the object.")


class SecretRef(Model):
    """A Secret in the VoiceAgent's own namespace."""

    name: DnsLabel = Field(description="Name of the Secret, in the VoiceAgent's namespace.")
