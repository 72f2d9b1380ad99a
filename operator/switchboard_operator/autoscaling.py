"""Whether pools can be scaled at all, and what to say where one is not.

An autoscaler is made only once somebody answers it: one without figures would do nothing, and say
so in its own words, far from the VoiceAgent. One that exists stays when the answer is away.
"""

from dataclasses import dataclass

from switchboard_operator.desired.autoscaler import GROUP, VERSION, kind_of
from switchboard_operator.heartbeats import Heartbeats
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import SCALED_OBJECT, Kind
from switchboard_operator.metrics_api.registration import Registration
from switchboard_operator.settings import MetricsProvider


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """The metrics provider of this installation, as it is now."""

    provider: MetricsProvider
    heartbeats: Heartbeats
    registration: Registration
    discovery: Discovery

    @property
    def kind(self) -> Kind:
        """Kind of the autoscalers."""
        return kind_of(self.provider)

    @property
    def problem(self) -> str:
        """Why no autoscaler can work, and the remedy; empty if one can."""
        match self.provider:
            case MetricsProvider.BUILTIN:
                return self.registration.problem
            case MetricsProvider.PROMETHEUS_ADAPTER:
                if self.discovery.serves(GROUP, VERSION):
                    return ""
                return (
                    f"the API {GROUP}/{VERSION} is not served: install prometheus-adapter, or set "
                    "the chart's metrics.provider to builtin"
                )
            case MetricsProvider.KEDA:
                if self.discovery.has(SCALED_OBJECT):
                    return ""
                return (
                    f"the API {SCALED_OBJECT.api_version} is not served: install KEDA, or set the "
                    "chart's metrics.provider to builtin"
                )
