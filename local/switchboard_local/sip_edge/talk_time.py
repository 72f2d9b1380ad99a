"""When an answered call must end by itself: it lasts too long, or the phone's sound stays away."""

from switchboard_local.sip_edge.call_model import End, Limits, Outcome


class TalkTime:
    """The clock of one call's talk."""

    def __init__(self) -> None:
        self.answered_s: float | None = None
        self._last_media_s: float | None = None

    def heard(self, now_s: float) -> None:
        """Note a packet of the phone; cheap, as it happens fifty times a second."""
        self._last_media_s = now_s

    def deadline_s(self, limits: Limits) -> float | None:
        """When to ask `end` at the latest; a packet may have moved it since."""
        if self.answered_s is None:
            return None
        return min(self.answered_s + limits.duration_s, self._media_deadline_s(limits))

    def end(self, limits: Limits, now_s: float) -> End | None:
        """Why the call must end now, if it must."""
        if self.answered_s is None:
            return None
        if now_s >= self.answered_s + limits.duration_s:
            return End(Outcome.MAX_DURATION, f"longer than {limits.duration_s:g} s")
        if now_s >= self._media_deadline_s(limits):
            return End(Outcome.MEDIA_TIMEOUT, "no RTP from the phone")
        return None

    def _media_deadline_s(self, limits: Limits) -> float:
        answered_s = self.answered_s or 0.0
        if self._last_media_s is None or self._last_media_s < answered_s:
            return answered_s + limits.first_media_s
        return self._last_media_s + limits.media_s
