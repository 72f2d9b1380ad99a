"""Probes of a model server: loading may take long, failing must not.

A startup probe holds the others back for as long as a model may take to load; then readiness is
quick, so that a pod that stops answering gets no more requests, and liveness slow, so that a busy
one is not killed.
"""

from switchboard_operator.kube.objects import Object

_STARTUP_PERIOD_SECONDS = 5
"""A model that has loaded is noticed within this time; asking costs the server nothing."""


def probes(*, ready: str, live: str, load_timeout_seconds: int) -> Object:
    """Return the three probes, by path; `ready` must answer only once the model serves."""
    failures = -(-load_timeout_seconds // _STARTUP_PERIOD_SECONDS)
    return {
        "startupProbe": _probe(ready, _STARTUP_PERIOD_SECONDS, failures),
        "readinessProbe": _probe(ready, 3, 2),
        "livenessProbe": _probe(live, 10, 6),
    }


def _probe(path: str, period_seconds: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period_seconds,
        "failureThreshold": failures,
        "timeoutSeconds": 3,
    }
