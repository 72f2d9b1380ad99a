"""Names that more than one part must spell the same way."""

GROUP = "switchboard.dev"
"""API group of every Switchboard resource."""

VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FIELD_MANAGER = "switchboard-operator"
"""The one field manager of server-side apply: what it owns, only the operator changes."""

FINALIZER = f"{GROUP}/operator"
"""Held on a VoiceAgent until its LiveKit objects are gone."""

LABEL_TENANT = f"{GROUP}/tenant"
"""On a namespace: the Tenant its VoiceAgents belong to. On children: the same, for selection."""

LABEL_AGENT = f"{GROUP}/voice-agent"
"""On children: name of the VoiceAgent that owns them."""

LABEL_AGENT_NAMESPACE = f"{GROUP}/voice-agent-namespace"
"""On children outside their VoiceAgent's namespace (copies of revisions for a shared pool): it."""

LABEL_POOL = f"{GROUP}/pool"
"""On worker pods and agent revisions: the worker pool that serves them."""

LABEL_REVISION = f"{GROUP}/revision"
"""On an agent revision ConfigMap: its content hash."""

LABEL_MODEL_SERVER = f"{GROUP}/model-server"
"""On the objects of a shared model server: its name, by which they are found and counted."""

ANNOTATION_MODEL_SERVERS = f"{GROUP}/model-servers"
"""On an agent revision ConfigMap: the model servers that the agent asked for with it, as JSON."""

ANNOTATION_LONGEST_CALL = f"{GROUP}/longest-call-seconds"
"""On a model server's Deployment: longest call of any VoiceAgent that asked for it. A call stays
with the revision, and so with the server, that it began with."""

ANNOTATION_UNUSED_SINCE = f"{GROUP}/unused-since"
"""On a model server's Deployment: since when no VoiceAgent asks for it (RFC 3339)."""

LABEL_VARIANT = f"{GROUP}/variant"
"""On an agent revision ConfigMap of an A/B variant: the variant's name."""

ANNOTATION_GENERATION = f"{GROUP}/generation"
"""On an agent revision ConfigMap: generation of the VoiceAgent that was compiled into it.

Times of creation are whole seconds; this tells the order of two revisions of the same one.
"""

PINNED_REVISION = f"{GROUP}/pinned-revision"
"""Annotation of a VoiceAgent: the kept revision that serves instead of what the spec compiles to.

An annotation and no field of the spec: whoever applies the spec (GitOps) does not undo an undo.
"""

PAUSED = f"{GROUP}/paused"
"""Annotation of a VoiceAgent: "true" makes the operator leave its objects as they are."""

SCHEMA_VERSION_ANNOTATION = f"{GROUP}/schema-version"
"""On a CRD: number of its schema; an operator refuses an older one than it needs."""

SCHEMA_HASH_ANNOTATION = f"{GROUP}/schema-hash"
"""On a CRD: hash of its spec, to tell two builds of one schema version apart."""

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "switchboard"

REVISION_KEY = "agent.json"
"""The one key of an agent revision ConfigMap: an `AgentConfig` as JSON."""

LINE_KEY = "line.json"
"""The one key of a line's ConfigMap: a `switchboard_contract.line.Line` as JSON."""

SECRETS_DIRECTORY = "/var/run/switchboard/secrets"
"""In worker pods: files `<secret>/<key>` of Secrets of the VoiceAgent's namespace, kept up to date.
"""

RATE_KEY_PREFIX = "switchboard:rate:"
"""Redis hash of a tenant's token bucket of new calls; the tenant's name follows."""

CALL_STREAM = "switchboard:calls"
"""Redis stream of call events."""

HEARTBEAT_INDEX = "switchboard:workers"
"""Redis set of `pool/worker` of every worker whose heartbeat may be there."""

TEST_ID_ATTRIBUTE = "lktest.id"
"""Participant attribute made from the SIP header X-Lk-Test-Id: joins a test call to its events."""


def pool_name(namespace: str, agent: str) -> str:
    """Name of an agent's own worker pool, which is also its LiveKit `agent_name`.

    A namespace is a DNS label and so has no dot: the pair can be told apart again.
    """
    return f"{namespace}.{agent}"


def shared_pool_name(tenant: str, pool: str) -> str:
    """Name of a worker pool of a Tenant, which is also its LiveKit `agent_name`.

    Neither namespaces nor VoiceAgents can have "_" in their names: no agent's own pool is called
    the same.
    """
    return f"{tenant}_{pool}"


def heartbeat_key(member: str) -> str:
    """Redis key of a worker's heartbeat; `member` is its entry in `HEARTBEAT_INDEX`."""
    return f"switchboard:worker:{member}"


def heartbeat_member(pool: str, worker: str) -> str:
    """Entry of a worker in `HEARTBEAT_INDEX`."""
    return f"{pool}/{worker}"
