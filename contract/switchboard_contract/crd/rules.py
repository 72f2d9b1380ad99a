"""Cross-field checks in CEL, by model: the API server refuses what the models would refuse.

A schema says what one field may hold; these say which fields go together. Each rule repeats a
validator of its model (the operator still runs those: a cluster may hold an older CRD), and each is
proved by a test that sends the wrong object to a real API server.
"""

from dataclasses import dataclass

from pydantic import BaseModel

from switchboard_contract.crd.channels import Channels
from switchboard_contract.crd.llm import LlmProvider, LlmSpec
from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.crd.scaling import MOST_CALLS_PER_WORKER, Scaling
from switchboard_contract.crd.tenant import Sip, SipIngress
from switchboard_contract.crd.transfer import Transfer
from switchboard_contract.crd.turn import BargeIn, Endpointing
from switchboard_contract.crd.voice_agent import DialogSpec, VoiceAgentSpec
from switchboard_contract.dialog import Flow, Intent, Script, Slot

MAX_VOICE_AGENT_NAME = 40
"""Children are named after it: with suffixes they must stay within 63 characters."""

_DNS_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule: the expression that must hold, and what to say when it does not."""

    rule: str
    message: str
    field_path: str = ""
    """Field the API server names in the error, relative to the model; empty is the model."""

    def to_schema(self) -> dict[str, str]:
        """Return the entry of `x-kubernetes-validations`."""
        entry = {"rule": self.rule, "message": self.message}
        return entry | ({"fieldPath": self.field_path} if self.field_path else {})


RULES: dict[type[BaseModel], tuple[Rule, ...]] = {
    Channels: (
        Rule("self.sip.enabled || has(self.twilio)", "set twilio when sip.enabled is false"),
    ),
    DialogSpec: (
        Rule(
            "[has(self.inline), has(self.configMapRef), has(self.prompt)].filter(x, x).size() == 1",
            "set exactly one of inline, configMapRef and prompt",
        ),
    ),
    BargeIn: (
        Rule(
            "!has(self.interruptionWords) || !has(self.backchannelWords) || "
            "!self.interruptionWords.exists(x, x in self.backchannelWords)",
            "a word cannot be both in interruptionWords and in backchannelWords",
            ".backchannelWords",
        ),
    ),
    Endpointing: (
        Rule(
            "self.minSilenceMs <= self.maxSilenceMs",
            "minSilenceMs must not be above maxSilenceMs",
            ".minSilenceMs",
        ),
        Rule(
            "has(self.model) == (self.detector == 'audioModel')",
            "set model with detector audioModel, and only then",
            ".model",
        ),
    ),
    LlmProvider: (
        Rule(
            "has(self.baseUrl) != has(self.modelServer)",
            "set exactly one of baseUrl and modelServer",
        ),
        Rule("!has(self.baseUrl) || has(self.model)", "set model beside baseUrl"),
        Rule(
            "!has(self.apiKeyRef) || !has(self.credential)",
            "set at most one of apiKeyRef and credential",
        ),
    ),
    LlmSpec: (
        Rule(
            "self.providers.all(p, self.providers.exists_one(o, o.name == p.name))",
            "names of providers must not repeat",
            ".providers",
        ),
    ),
    VoiceAgentSpec: (
        Rule(
            "!has(self.workerPool) || !has(self.channels) || !has(self.channels.twilio)",
            "channels.twilio needs workers of its own: leave out workerPool",
            ".workerPool",
        ),
        Rule("!has(self.dialog.prompt) || has(self.llm)", "dialog.prompt needs llm"),
        Rule(
            "has(self.transfer) || !has(self.dialog.inline) || "
            "self.dialog.inline.intents.all(i, !i.transfer) && "
            "(!has(self.dialog.inline.flows) || "
            "self.dialog.inline.flows.all(f, !self.dialog.inline.flows[f].transfer))",
            "set transfer when the script transfers calls",
        ),
        Rule(
            "!has(self.workerPool) || !has(self.latency) || !has(self.latency.targetP95Ms)",
            "latency.targetP95Ms must be left out beside workerPool: set it in the Tenant's "
            "workerPools",
            ".latency",
        ),
        Rule(
            "!has(self.llm) || self.llm.providers.all(p, !has(p.modelServer) || "
            "has(self.modelServers) && self.modelServers.exists(s, s.name == p.modelServer && "
            "s.engine == 'vllm'))",
            "each modelServer of llm.providers must stand under modelServers, with engine vllm",
            ".llm",
        ),
        Rule(
            "!has(self.variants) || self.variants.map(v, v.weight).sum() <= 100",
            "weights of variants must not add up to more than 100",
            ".variants",
        ),
        Rule(
            "!has(self.variants) || self.variants.all(v, !has(v.dialog) || "
            "!has(v.dialog.prompt) || has(v.llm) || has(self.llm))",
            "dialog.prompt of a variant needs llm",
            ".variants",
        ),
        Rule(
            "has(self.transfer) || !has(self.variants) || self.variants.all(v, !has(v.dialog) || "
            "!has(v.dialog.inline) || v.dialog.inline.intents.all(i, !i.transfer) && "
            "(!has(v.dialog.inline.flows) || "
            "v.dialog.inline.flows.all(f, !v.dialog.inline.flows[f].transfer)))",
            "set transfer when the script of a variant transfers calls",
            ".variants",
        ),
        Rule(
            "!has(self.variants) || self.variants.all(v, !has(v.llm) || "
            "v.llm.providers.all(p, !has(p.modelServer) || has(self.modelServers) && "
            "self.modelServers.exists(s, s.name == p.modelServer && s.engine == 'vllm')))",
            "each modelServer of a variant's llm.providers must stand under modelServers, with "
            "engine vllm",
            ".variants",
        ),
    ),
    ModelServer: (
        Rule(
            "self.placement != 'Colocated' || self.replicas == 1 && "
            "(!has(self.maxReplicas) || self.maxReplicas == 1)",
            "replicas must be 1 when placement is Colocated",
            ".replicas",
        ),
        Rule(
            "!has(self.maxReplicas) || self.maxReplicas >= self.replicas",
            "maxReplicas must not be below replicas",
            ".maxReplicas",
        ),
        Rule(
            "self.engine != 'triton' || !self.model.contains('/')",
            "a model of a Triton repository has no / in its name",
            ".model",
        ),
    ),
    Scaling: (
        Rule("self.min <= self.max", "min must not be above max", ".min"),
        Rule(
            "type(self.callsPerWorker) == int ? "
            f"self.callsPerWorker >= 1 && self.callsPerWorker <= {MOST_CALLS_PER_WORKER} : "
            "self.callsPerWorker == 'auto'",
            f"callsPerWorker must be a number from 1 to {MOST_CALLS_PER_WORKER}, or auto",
            ".callsPerWorker",
        ),
    ),
    Slot: (
        Rule(
            "self.type != 'choice' || (has(self.choices) && size(self.choices) > 0)",
            "a slot of type choice needs choices",
        ),
    ),
    Intent: (
        Rule(
            "has(self.say) || has(self.flow) || has(self.keys) || self.hangUp",
            "an intent needs say, flow, keys or hangUp",
        ),
        Rule(
            "!has(self.keys) || !has(self.flow)",
            "an intent with keys starts no flow: set keys on the flow",
            ".keys",
        ),
        Rule(
            "!self.transfer || has(self.say) && !has(self.flow) && !self.hangUp",
            "an intent with transfer needs say, and neither flow nor hangUp",
            ".transfer",
        ),
    ),
    Flow: (
        Rule(
            "!self.transfer || !self.hangUp",
            "set at most one of transfer and hangUp",
            ".transfer",
        ),
    ),
    Script: (
        Rule(
            "self.intents.all(i, !has(i.flow) || (has(self.flows) && i.flow in self.flows))",
            "each flow of an intent must stand under flows",
            ".intents",
        ),
        Rule(
            "!has(self.flows) || self.flows.all(f, self.flows[f].collect.all(s, "
            "has(self.slots) && s in self.slots))",
            "each name in a flow's collect must stand under slots",
        ),
    ),
    Transfer: (
        Rule(
            "!has(self.carrier) || has(self.briefing)",
            "carrier needs briefing: without it the caller's carrier transfers",
            ".carrier",
        ),
        Rule(
            "!has(self.briefing) || !self.to.startsWith('sips:')",
            "with briefing, to must be a tel: or sip: address",
            ".to",
        ),
    ),
    Sip: (
        Rule(
            "!has(self.egress) || self.egress.all(e, self.egress.exists_one(o, o.name == e.name))",
            "names of egress must not repeat",
            ".egress",
        ),
    ),
    SipIngress: (
        Rule(
            "!has(self.allowedAddresses) || self.allowedAddresses.all(a, isIP(a) || isCIDR(a))",
            "allowedAddresses must be IP addresses or CIDR ranges, such as 203.0.113.0/24",
            ".allowedAddresses",
        ),
        Rule(
            "!has(self.codecs) || self.codecs.all(c, self.codecs.exists_one(o, o == c))",
            "codecs must not repeat",
            ".codecs",
        ),
    ),
}

VOICE_AGENT_NAME = Rule(
    f"size(self.metadata.name) <= {MAX_VOICE_AGENT_NAME} && "
    f"self.metadata.name.matches('{_DNS_LABEL}')",
    f"the name must be a DNS label (a-z, 0-9, -) of at most {MAX_VOICE_AGENT_NAME} characters, "
    "because worker pods and other objects are named after it",
)
MAX_POOL_NAMES = 54
"""Of a Tenant and one of its worker pools together: pods carry both in one label, and in names."""

TENANT_POOL_NAMES = Rule(
    "!has(self.spec.workerPools) || self.spec.workerPools.all(p, "
    f"size(p.name) + size(self.metadata.name) <= {MAX_POOL_NAMES})",
    f"the names of the Tenant and of a worker pool may have {MAX_POOL_NAMES} characters together, "
    "because the pool's pods are named after both",
    ".spec.workerPools",
)
TENANT_NAME = Rule(
    f"size(self.metadata.name) <= 63 && self.metadata.name.matches('{_DNS_LABEL}')",
    "the name must be a DNS label (a-z, 0-9, -) of at most 63 characters, because it is the value "
    "of the namespace label switchboard.dev/tenant",
)
