"""What can go wrong outside this process, by reason; each says whether waiting helps.

Foreign errors (aiohttp, livekit-api) are translated where they arise and do not travel further.
"""

from switchboard_contract.crd.status import Reason


class OperatorError(Exception):
    """Base of all expected failures; the reconcile is retried with backoff."""

    reason: Reason = Reason.INTERNAL_ERROR


class SettingsError(OperatorError):
    """The environment lacks a setting or holds a wrong one; the message names it."""


class KubeApiError(OperatorError):
    """The Kubernetes API refused a request or could not be reached."""

    reason = Reason.API_REFUSED

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else f"{reason}: {message}")
        self.status = status
        self.api_reason = reason


class NotFoundError(KubeApiError):
    """The object is not there (404)."""


class ConflictError(KubeApiError):
    """The object exists already, or has changed since it was read (409)."""


class ChildConflictError(OperatorError):
    """An object with the name of a child exists and belongs to somebody else; it is left alone."""

    reason = Reason.CONFLICT


class ContestedError(ChildConflictError):
    """Somebody else keeps changing a field of a child; it is left alone for a while."""


class LiveKitUnreachableError(OperatorError):
    """LiveKit does not answer; it is asked again."""

    reason = Reason.LIVEKIT_UNREACHABLE


class LiveKitRefusedError(OperatorError):
    """LiveKit answered, and refused: the message is LiveKit's."""

    reason = Reason.LIVEKIT_REFUSED


class NumberHeldError(LiveKitRefusedError):
    """A trunk that is not ours holds one of the numbers."""

    reason = Reason.NUMBER_HELD_IN_LIVEKIT


class LeaseLostError(OperatorError):
    """Another process leads now, or the lease could not be renewed in time: this one must end."""
