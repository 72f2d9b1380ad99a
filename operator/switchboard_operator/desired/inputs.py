"""What a plan is made from: an accepted VoiceAgent with everything it refers to, resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig, VariantShare
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.transfer import Transfer
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.dialog import Script
from switchboard_contract.llm_chain import ServerAddress
from switchboard_operator.desired import language_models, meta, secret_keys
from switchboard_operator.desired.meta import Owned
from switchboard_operator.desired.names import NAME_LABEL, WORKER, twilio_service_name, worker_name
from switchboard_operator.desired.pool import Pool
from switchboard_operator.desired.secret_files import secret_files


@dataclass(frozen=True, slots=True)
class Digest:
    """SIP digest credentials of the tenant's carrier."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """What serves calls until the model servers of the revision that was asked for answer."""

    revision: str
    variants: tuple[VariantShare, ...] = ()

    @property
    def revisions(self) -> frozenset[str]:
        """Every revision that calls may still be given."""
        return frozenset({self.revision, *(share.revision for share in self.variants)})


@dataclass(frozen=True, slots=True)
class AgentInputs:
    """One accepted VoiceAgent."""

    namespace: str
    name: str
    uid: str
    spec: VoiceAgentSpec
    tenant_name: str
    tenant: TenantSpec
    script: Script | None
    """None where the dialog is led by a prompt."""
    digest: Digest | None = None
    variant_scripts: tuple[Script | None, ...] = ()
    """Of each variant, in the order of the spec."""
    generation: int = 0
    """Of the VoiceAgent, to tell which of two revisions came first."""
    pinned: str = ""
    """Kept revision that serves instead of the spec's; empty if nobody pinned one."""
    tenant_uid: str = ""
    egress_digests: Mapping[str, Digest] = field(default_factory=dict)
    """Credentials for the Tenant's carriers, by the name of the carrier."""
    model_servers: Mapping[str, ServerAddress] = field(default_factory=dict)
    """Where the spec's model servers answer, by their names in it."""
    held: Held | None = None
    """None where calls are given what was asked for."""
    kept_keys: tuple[ObjectKeyRef, ...] = ()
    """Keys of the language models of a kept revision that serves, pinned or held."""

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def pool_name(self) -> str:
        """Worker pool that serves it, which is also LiveKit's agent_name."""
        if self.spec.worker_pool is not None:
            return names.shared_pool_name(self.tenant_name, self.spec.worker_pool)
        return names.pool_name(self.namespace, self.name)

    @property
    def owned(self) -> Owned:
        """What all its children carry."""
        labels = {
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            NAME_LABEL: WORKER,
            names.LABEL_TENANT: self.tenant_name,
            names.LABEL_AGENT: self.name,
            names.LABEL_POOL: names.pool_name(self.namespace, self.name),
        }
        return Owned(self.namespace, labels, meta.voice_agent(self.name, self.uid))

    @property
    def pool(self) -> Pool:
        """Its own worker pool, which an agent that joined one of its Tenant does not have."""
        return Pool(
            name=names.pool_name(self.namespace, self.name),
            worker=worker_name(self.name),
            owned=self.owned,
            tenant_name=self.tenant_name,
            isolation=self.tenant.isolation,
            scaling=self.spec.scaling,
            max_call_seconds=self.spec.limits.max_call_seconds,
            placement=self.spec.placement,
            pod_template=self.spec.pod_template,
            secrets=secret_files(
                [*self.kept_keys, *(ref for _, ref in secret_keys.keys(self.spec))]
            ),
            twilio_service=twilio_service_name(self.name) if self.spec.channels.twilio else "",
            target_p95_ms=self.spec.latency.target_p95_ms,
        )

    @property
    def _transfer(self) -> Transfer | None:
        """Workers are told which carrier is the first."""
        transfer, carriers = self.spec.transfer, self.tenant.sip.egress
        if transfer is None or transfer.briefing is None or not carriers:
            return transfer
        return transfer.model_copy(update={"carrier": transfer.carrier or carriers[0].name})

    @property
    def config(self) -> AgentConfig:
        """What the workers need to know: the agent revision."""
        return AgentConfig(
            namespace=self.namespace,
            name=self.name,
            tenant=self.tenant_name,
            language=self.spec.language,
            persona=self.spec.persona,
            script=self.script,
            prompt=self.spec.dialog.prompt,
            llm=language_models.chain(self.spec, self.model_servers),
            stt=self.spec.stt,
            tts=self.spec.tts,
            turn=self.spec.turn,
            transfer=self._transfer,
            limits=self.spec.limits,
            tenant_concurrent_calls=self.tenant.quotas.concurrent_calls,
            tenant_calls_per_second=self.tenant.quotas.calls_per_second,
            tenant_countries=tuple(sorted(set(self.tenant.quotas.countries))) or None,
        )
