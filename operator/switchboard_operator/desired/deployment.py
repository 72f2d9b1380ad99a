"""The Deployment of a pool's workers.

A roll-out is a surge: a new worker must be ready for a while before an old one is asked to drain,
and the old one stays until its calls are over. Draining pods hold their place on the nodes, so a
roll-out may rightly wait for calls: its deadline is that of the longest call on top.

`replicas` stands only in the object that is created: afterwards the number belongs to whoever
scales (see `replicas`), and server-side apply never mentions it.
"""

from switchboard_contract import names
from switchboard_contract.crd.scaling import Toleration
from switchboard_contract.crd.tenant import Isolation
from switchboard_operator.desired import meta, secret, secret_files
from switchboard_operator.desired.names import selector
from switchboard_operator.desired.pod_promises import WORKER
from switchboard_operator.desired.pod_template import merge
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import WorkerSettings

HTTP_PORT = 8080
"""/healthz, /readyz and /metrics of a worker."""

GRACE_MARGIN_SECONDS = 30
"""On top of the longest call: saying goodbye, leaving rooms, flushing call events."""

MIN_READY_SECONDS = 5
"""A worker that fails right after it registered must not send an old one away."""
PROGRESS_MARGIN_SECONDS = 600
"""Kubernetes' own deadline of a roll-out; here on top of the time that calls may take to end."""
AUTOSCALER_PATIENCE_SECONDS = 600
"""Cluster autoscaler kills what it evicts after this (`--max-graceful-termination-sec`)."""
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
"""Annotation of the pod: whether cluster autoscaler may empty its node. True, where it waits long
enough for the calls to end: without it the volume for temporary files alone would hold the node.
"""

TWILIO_PORT = 8081
"""Twilio's requests and streams; apart from metrics, so that an Ingress can open it alone."""

MIN_WORKERS = f"{names.GROUP}/min-workers"
"""Annotation: `scaling.min` as last applied; see `replicas`."""
CREDENTIALS = f"{names.GROUP}/credentials"
"""Annotation of the pod: changes with the Secret, so that workers are rolled."""

_USER = 65532
_HOSTNAME = "kubernetes.io/hostname"


def build(pool: Pool, settings: WorkerSettings) -> Object:
    """Return the Deployment, with the replicas to create it with."""
    scaling = pool.scaling
    spec = {
        "replicas": scaling.min,
        "revisionHistoryLimit": 2,
        "minReadySeconds": MIN_READY_SECONDS,
        "progressDeadlineSeconds": PROGRESS_MARGIN_SECONDS + _grace_seconds(pool),
        "selector": {"matchLabels": selector(pool.name)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
        },
        "template": merge(pod_template(pool, settings), pool.pod_template or {}),
    }
    annotations = {MIN_WORKERS: str(scaling.min)}
    return meta.child(DEPLOYMENT, pool.owned, pool.worker, {"spec": spec}, annotations=annotations)


def pod_template(pool: Pool, settings: WorkerSettings) -> Object:
    """Return the pod template as the operator makes it, before the user's is merged over it."""
    may_be_evicted = _grace_seconds(pool) <= AUTOSCALER_PATIENCE_SECONDS
    annotations = {
        CREDENTIALS: secret.checksum(settings),
        SAFE_TO_EVICT: "true" if may_be_evicted else "false",
    }
    metadata = {"labels": pool.owned.labels, "annotations": annotations}
    return {"metadata": metadata, "spec": _pod(pool, settings)}


def replicas(current: int, applied_min: str, least: int, most: int) -> int:
    """Return how many workers there should be.

    As long as nobody else has scaled (the number still is the minimum that was last applied), the
    number follows the minimum. Otherwise an autoscaler or a person chose it, and it is only moved
    into the allowed range.
    """
    if str(current) == applied_min:
        return least
    return min(max(current, least), most)


def _pod(pool: Pool, settings: WorkerSettings) -> Object:
    pod: Object = {
        "serviceAccountName": pool.worker,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _grace_seconds(pool),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [_spread(pool)],
        "containers": [_container(pool, settings)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *secret_files.volumes(pool.secrets)],
    }
    if settings.image_pull_secret:
        pod["imagePullSecrets"] = [{"name": settings.image_pull_secret}]
    if pool.isolation is Isolation.DEDICATED:
        pod["affinity"] = _keep_away_from_others(pool)
    if pool.placement.node_selector:
        pod["nodeSelector"] = dict(pool.placement.node_selector)
    if pool.placement.tolerations:
        pod["tolerations"] = [_toleration(one) for one in pool.placement.tolerations]
    return pod


def _grace_seconds(pool: Pool) -> int:
    return pool.max_call_seconds + GRACE_MARGIN_SECONDS


def _toleration(toleration: Toleration) -> Object:
    """Without what says nothing: the API server leaves it out, and it would look like drift."""
    fields = toleration.model_dump(mode="json", by_alias=True)
    return {name: value for name, value in fields.items() if value}


def _container(pool: Pool, settings: WorkerSettings) -> Object:
    return {
        "name": WORKER,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "env": _env(pool, settings),
        "ports": _ports(pool),
        "resources": {
            "requests": {"cpu": settings.cpu_request, "memory": settings.memory_request},
            "limits": {"memory": settings.memory_limit},
        },
        "startupProbe": _probe("/healthz", period_seconds=1, failures=90),
        "readinessProbe": _probe("/readyz", period_seconds=2, failures=2),
        "livenessProbe": _probe("/healthz", period_seconds=10, failures=6),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the pod's own
            *secret_files.mounts(pool.secrets),
        ],
    }


def _ports(pool: Pool) -> list[Object]:
    numbers = {"http": HTTP_PORT} | ({"twilio": TWILIO_PORT} if pool.twilio_service else {})
    return [
        {"name": name, "containerPort": number, "protocol": "TCP"}
        for name, number in numbers.items()
    ]


def _env(pool: Pool, settings: WorkerSettings) -> list[Object]:
    plain = {
        "SWITCHBOARD_POOL": pool.name,
        "SWITCHBOARD_NAMESPACE": pool.namespace,
        "SWITCHBOARD_LIVEKIT_URL": settings.livekit_url,
        "SWITCHBOARD_MAX_CALLS": str(pool.scaling.calls_per_worker),
        "SWITCHBOARD_DRAIN_SECONDS": str(pool.max_call_seconds),
        "SWITCHBOARD_HTTP_PORT": str(HTTP_PORT),
        "SWITCHBOARD_REVISIONS": "kubernetes",
        "SWITCHBOARD_MAX_LOOP_LAG_MS": str(settings.max_loop_lag_ms),
        "SWITCHBOARD_LOG_LEVEL": settings.log_level,
    }
    if settings.otlp_endpoint:
        plain["OTEL_EXPORTER_OTLP_ENDPOINT"] = settings.otlp_endpoint
    if pool.twilio_service:
        plain["SWITCHBOARD_TWILIO_PORT"] = str(TWILIO_PORT)
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        _from_pod("SWITCHBOARD_WORKER_NAME", "metadata.name"),
        *([_from_pod("SWITCHBOARD_HOST", "status.podIP")] if pool.twilio_service else []),
        *(
            {"name": key, "valueFrom": {"secretKeyRef": {"name": pool.worker, "key": key}}}
            for key in secret.KEYS
        ),
    ]


def _from_pod(name: str, field: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}


def _probe(path: str, *, period_seconds: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period_seconds,
        "failureThreshold": failures,
        "timeoutSeconds": 3,
    }


def _spread(pool: Pool) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": pool.placement.topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(pool.name)},
    }


def _keep_away_from_others(pool: Pool) -> Object:
    """No node that runs workers of another tenant; Kubernetes holds it in both directions."""
    others = [
        {"key": names.LABEL_TENANT, "operator": "Exists"},
        {"key": names.LABEL_TENANT, "operator": "NotIn", "values": [pool.tenant_name]},
    ]
    term = {
        "topologyKey": _HOSTNAME,
        "namespaceSelector": {},
        "labelSelector": {"matchExpressions": others},
    }
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
