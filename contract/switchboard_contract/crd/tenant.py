"""`Tenant`: who owns namespaces, numbers and limits."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from switchboard_contract.countries import COUNTRIES
from switchboard_contract.crd.meta import E164, DnsLabel, Model, ObjectKeyRef, SecretRef
from switchboard_contract.crd.scaling import LatencySpec, Placement, PodTemplate, Scaling

AddressOrCidr = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", max_length=43)
]
"""An IPv4 or IPv6 address, or a range in CIDR form."""


class Isolation(StrEnum):
    """How far a tenant's workers stay from those of others."""

    SHARED = "Shared"
    DEDICATED = "Dedicated"


class SuspendPolicy(StrEnum):
    """What becomes of live calls when the tenant is suspended."""

    FINISH = "Finish"
    CUT = "Cut"


class MediaEncryption(StrEnum):
    """SRTP (RFC 3711) on a trunk."""

    DISABLED = "Disabled"
    ALLOWED = "Allowed"
    REQUIRED = "Required"


class AudioCodec(StrEnum):
    """Codecs between a carrier and LiveKit SIP."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    G722 = "G722"


class SipTransport(StrEnum):
    """How SIP requests travel to a carrier."""

    AUTO = "Auto"
    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


class SipIngress(Model):
    """Who may send calls to the tenant's numbers."""

    allowed_addresses: list[AddressOrCidr] = Field(
        default_factory=list,
        max_length=100,
        description="Source addresses or CIDR ranges; empty means any.",
    )
    digest_secret_ref: SecretRef | None = Field(
        default=None,
        description=(
            "Secret with keys username and password for SIP digest authentication (RFC 3261, 22), "
            "looked up in the namespace of each VoiceAgent."
        ),
    )
    media_encryption: MediaEncryption = Field(
        default=MediaEncryption.DISABLED, description="SRTP: not used, used when offered, required."
    )
    codecs: list[AudioCodec] = Field(
        default_factory=list,
        max_length=3,
        description=(
            "Codecs that calls may use; a call that offers none of them is refused (488). Empty "
            "means those of the SIP server."
        ),
    )

    @model_validator(mode="after")
    def _codecs_once(self) -> Self:
        if len(set(self.codecs)) != len(self.codecs):
            raise ValueError("codecs must not repeat")
        return self


class SipEgress(Model):
    """A carrier that takes the tenant's outgoing calls."""

    name: DnsLabel = Field(description="Name of the trunk, unique in the tenant.")
    address: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9.:\[\]-]+$",
        description="Host name or address of the carrier, with a port where it is not the default.",
    )
    transport: SipTransport = Field(default=SipTransport.AUTO, description="SIP transport.")
    caller_ids: list[E164] = Field(
        default_factory=list,
        max_length=100,
        description="Numbers shown to the called; empty means those of the calling VoiceAgent.",
    )
    digest_secret_ref: SecretRef | None = Field(
        default=None,
        description=(
            "Secret with keys username and password, looked up in the namespace of each VoiceAgent."
        ),
    )
    media_encryption: MediaEncryption = Field(
        default=MediaEncryption.DISABLED, description="SRTP towards the carrier."
    )


class Sip(Model):
    """The tenant's telephony."""

    ingress: SipIngress = Field(default_factory=SipIngress)
    egress: list[SipEgress] = Field(
        default_factory=list, max_length=10, description="Carriers for outgoing calls."
    )

    @model_validator(mode="after")
    def _egress_names_once(self) -> Self:
        if len({carrier.name for carrier in self.egress}) != len(self.egress):
            raise ValueError("names of egress must not repeat")
        return self


class WorkerPool(Model):
    """Worker pods in the operator's namespace that several VoiceAgents of the tenant share."""

    name: DnsLabel = Field(description="Name that VoiceAgents give in spec.workerPool.")
    scaling: Scaling = Field(default_factory=Scaling)
    latency: LatencySpec = Field(default_factory=LatencySpec)
    max_call_seconds: int = Field(
        default=900,
        ge=10,
        le=14_400,
        description="Longest call any agent of the pool may ask for; also the drain time.",
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


CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""A country by its ISO 3166-1 alpha-2 code."""


class Quotas(Model):
    """What the tenant may use."""

    concurrent_calls: int | None = Field(
        default=None, ge=1, le=100_000, description="Calls at once over all its VoiceAgents."
    )
    calls_per_second: int | None = Field(
        default=None, ge=1, le=10_000, description="New calls per second over all its VoiceAgents."
    )
    max_call_seconds: int | None = Field(
        default=None, ge=10, le=14_400, description="Longest call any of its VoiceAgents may have."
    )
    countries: list[CountryCode] = Field(
        default_factory=list,
        max_length=250,
        description=(
            "Countries whose numbers may call and be called, by ISO 3166-1 alpha-2 code, such as "
            "DE; others, and callers who withhold their number, are refused. Empty means any."
        ),
    )

    @model_validator(mode="after")
    def _countries_known(self) -> Self:
        if unknown := sorted(set(self.countries) - COUNTRIES):
            raise ValueError(f"countries: no such country: {', '.join(unknown)}")
        return self


class Credential(Model):
    """A key for a provider that the tenant's VoiceAgents may refer to by name."""

    name: DnsLabel = Field(description="Name that providers give in credential.")
    secret_key_ref: ObjectKeyRef = Field(
        description="Secret key, looked up in the namespace of each VoiceAgent that refers to it."
    )


class TenantSpec(Model):
    """What the platform's owner grants."""

    display_name: str = Field(
        default="",
        max_length=120,
        description="Name shown to people: by kubectl get tenants and switchboard status.",
    )
    suspend: bool = Field(default=False, description="No VoiceAgent of the tenant takes new calls.")
    suspend_policy: SuspendPolicy = Field(
        default=SuspendPolicy.FINISH,
        description="Whether suspending lets live calls finish or cuts them.",
    )
    isolation: Isolation = Field(
        default=Isolation.SHARED,
        description="Dedicated keeps worker pods off nodes that run workers of other tenants.",
    )
    worker_pools: list[WorkerPool] = Field(
        default_factory=list, max_length=20, description="Worker pools that VoiceAgents may join."
    )
    sip: Sip = Field(default_factory=Sip)
    quotas: Quotas = Field(default_factory=Quotas)
    credentials: list[Credential] = Field(
        default_factory=list,
        max_length=20,
        description="Keys for providers, by the names that VoiceAgents use for them.",
    )

    @model_validator(mode="after")
    def _credential_names_once(self) -> Self:
        if len({credential.name for credential in self.credentials}) != len(self.credentials):
            raise ValueError("names of credentials must not repeat")
        return self

    @model_validator(mode="after")
    def _pool_names_once(self) -> Self:
        if len({pool.name for pool in self.worker_pools}) != len(self.worker_pools):
            raise ValueError("names of workerPools must not repeat")
        return self
