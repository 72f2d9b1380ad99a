"""What surrounds each request to the outside: how long it took, how it failed, its span."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from switchboard_operator.errors import KubeApiError
from switchboard_operator.telemetry import Telemetry
from switchboard_operator.tracing import Tracing

Around = Callable[[str, str], AbstractContextManager[object]]
"""Called with the verb (or method) and the target of a request; the request runs inside."""

_REASONS = frozenset(
    {
        "AlreadyExists",
        "BadRequest",
        "Conflict",
        "Expired",
        "Forbidden",
        "Gone",
        "InternalError",
        "Invalid",
        "MethodNotAllowed",
        "NotFound",
        "ServiceUnavailable",
        "Timeout",
        "TooManyRequests",
        "Unauthorized",
        "Unreachable",
    }
)
"""Reasons of the API server that become label values; an admission webhook may invent others."""


def unobserved(_verb: str, _target: str) -> AbstractContextManager[object]:
    """Observe nothing."""
    return nullcontext()


def kube_requests(telemetry: Telemetry, tracing: Tracing) -> Around:
    """Return what surrounds requests to the Kubernetes API."""

    @contextmanager
    def around(verb: str, target: str) -> Iterator[None]:
        began = time.monotonic()
        attributes = {"http.request.method": verb, "url.path": target}
        try:
            with tracing.child(f"kube {verb}", attributes):
                yield
        except KubeApiError as error:
            reason = error.api_reason if error.api_reason in _REASONS else "Other"
            telemetry.kube_errors.labels(verb, reason).inc()
            raise
        finally:
            telemetry.kube_seconds.labels(verb).observe(time.monotonic() - began)

    return around


def livekit_requests(telemetry: Telemetry, tracing: Tracing) -> Around:
    """Return what surrounds requests to the LiveKit API; their results are counted elsewhere."""

    @contextmanager
    def around(method: str, _target: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            with tracing.child(f"livekit {method}", {"rpc.method": method}):
                yield
        finally:
            telemetry.livekit_seconds.labels(method).observe(time.monotonic() - began)

    return around
