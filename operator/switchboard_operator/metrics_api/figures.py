"""What the API answers: discovery, values and refusals, as Kubernetes objects. Pure.

A pool without a fresh sample is an error, never 0: the HPA then holds the number of workers and
says FailedGetExternalMetric, where "no calls" would make it take workers away.
"""

from dataclasses import dataclass

from switchboard_contract import names
from switchboard_contract.heartbeat import STALE_SECONDS
from switchboard_operator.desired.autoscaler import (
    ACTIVE_CALLS,
    GROUP,
    SPARE_CALLS_LABEL,
    TARGET_UTILISATION,
    TURN_LATENCY_P95,
    VERSION,
    WORKERS_NEEDED,
)
from switchboard_operator.desired.models.autoscaler import MODEL_SERVER_CALLS
from switchboard_operator.desired.models.names import service_host
from switchboard_operator.errors import OperatorError
from switchboard_operator.heartbeats import PoolLoad, Reading
from switchboard_operator.kube.objects import Object

GROUP_VERSION = f"{GROUP}/{VERSION}"
METRICS = (ACTIVE_CALLS, TURN_LATENCY_P95, WORKERS_NEEDED, MODEL_SERVER_CALLS)


class RefusedError(OperatorError):
    """A question without an answer; the message reaches the user in the HPA's conditions."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.status_reason = reason
        self.message = message

    def body(self) -> Object:
        """Return the Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.status_reason,
            "code": self.status,
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What an HPA asks."""

    namespace: str
    metric: str
    selector: dict[str, str]

    @property
    def label(self) -> str:
        """The label that names what is asked about."""
        is_model = self.metric == MODEL_SERVER_CALLS
        return names.LABEL_MODEL_SERVER if is_model else names.LABEL_POOL

    @property
    def subject(self) -> str:
        """The worker pool, or the model server."""
        if subject := self.selector.get(self.label, ""):
            return subject
        raise RefusedError(400, "BadRequest", f"the metric's selector must name {self.label}")


def question(namespace: str, metric: str, label_selector: str) -> Question:
    """Read a request; only `key=value` terms are understood."""
    if metric not in METRICS:
        known = ", ".join(METRICS)
        raise RefusedError(404, "NotFound", f"there is no metric {metric}; there are {known}")
    terms = [term.partition("=") for term in label_selector.split(",") if term]
    if not all(equals for _, equals, _ in terms):
        raise RefusedError(400, "BadRequest", "the metric's selector takes matchLabels only")
    return Question(namespace, metric, {k.strip(): v.lstrip("=").strip() for k, _, v in terms})


def answer(asked: Question, reading: Reading, trouble: str, now: str) -> Object:
    """Return an ExternalMetricValueList."""
    figure = value(asked, reading, trouble)
    labels = {asked.label: asked.subject}
    return {
        "kind": "ExternalMetricValueList",
        "apiVersion": GROUP_VERSION,
        "metadata": {},
        "items": [
            {
                "metricName": asked.metric,
                "metricLabels": labels,
                "timestamp": now,
                "value": quantity(figure),
            }
        ],
    }


def quantity(figure: float) -> str:
    """Return a figure as Kubernetes writes it: thousandths where it is no whole number."""
    return str(int(figure)) if figure == int(figure) else f"{round(figure * 1000)}m"


def value(asked: Question, reading: Reading, trouble: str) -> float:
    """Return the figure; raise RefusedError where there is none to rely on.

    Without a turn in the window latency is 0: nothing speaks for more workers.
    """
    if asked.metric == MODEL_SERVER_CALLS:
        return _model_server_calls(asked, reading, trouble)
    pool, load = asked.subject, reading.pools.get(asked.subject)
    if load is not None and load.namespace != asked.namespace:
        raise RefusedError(404, "NotFound", f"pool {pool} is not of namespace {asked.namespace}")
    if load is None or not load.workers:
        why = f" (Redis: {trouble})" if trouble else ""
        raise RefusedError(
            503,
            "ServiceUnavailable",
            f"no worker of pool {pool} has sent a heartbeat for {STALE_SECONDS:.0f} s{why}",
        )
    if asked.metric == TURN_LATENCY_P95:
        return round(load.p95_turn_ms or 0)
    calls = load.calls + _spare(asked)
    return _workers_needed(asked, load, calls) if asked.metric == WORKERS_NEEDED else calls


def _workers_needed(asked: Question, load: PoolLoad, calls: int) -> float:
    """Return how many workers of the size of those there are would hold the calls."""
    if not load.ready:
        raise RefusedError(
            503, "ServiceUnavailable", f"no worker of pool {asked.subject} takes calls yet"
        )
    return round(calls * load.ready / (load.capacity * TARGET_UTILISATION), 3)


def _model_server_calls(asked: Question, reading: Reading, trouble: str) -> int:
    """Return the calls whose next question goes to a server, of whatever pool.

    Where no worker at all is heard nobody knows; where some are, nobody asks the server.
    """
    if reading.pools and reading.models is not None:
        return reading.models[service_host(asked.subject, asked.namespace)]
    why = f" (Redis: {trouble})" if trouble else ""
    silent = f"no worker has sent a heartbeat for {STALE_SECONDS:.0f} s{why}"
    old = "workers of an older version do not tell which model servers their calls ask"
    raise RefusedError(503, "ServiceUnavailable", old if reading.pools else silent)


def _spare(asked: Question) -> int:
    text = asked.selector.get(SPARE_CALLS_LABEL, "0")
    if not text.isdecimal():
        raise RefusedError(400, "BadRequest", f"{SPARE_CALLS_LABEL} must be a number, not {text!r}")
    return int(text)


def group_list() -> Object:
    """Return `/apis`."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}


def group() -> Object:
    """Return `/apis/external.metrics.k8s.io`."""
    version = {"groupVersion": GROUP_VERSION, "version": VERSION}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    }


def resource_list() -> Object:
    """Return `/apis/external.metrics.k8s.io/v1beta1`."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": GROUP_VERSION,
        "resources": [
            {
                "name": metric,
                "singularName": "",
                "namespaced": True,
                "kind": "ExternalMetricValueList",
                "verbs": ["get"],
            }
            for metric in METRICS
        ],
    }
