"""What every reconcile works with; made once in `main`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from switchboard_operator.autoscaling import Autoscaling
from switchboard_operator.directory import Directory
from switchboard_operator.events.notes import NoNotes, Notes
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.contest import Contests
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.models.servers import ModelServers
from switchboard_operator.probe.prober import Prober
from switchboard_operator.references import ReferenceCache
from switchboard_operator.settings import Settings
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.store import Store

Clock = Callable[[], str]
"""Returns the time as RFC 3339 in UTC, whole seconds."""


@dataclass(frozen=True, slots=True)
class Context:
    """Views of the two worlds and the ways to change them."""

    settings: Settings
    api: KubeApi
    store: Store
    directory: Directory
    references: ReferenceCache
    mirror: Mirror
    now: Clock
    discovery: Discovery
    events: Notes = field(default_factory=NoNotes)
    contests: Contests | None = None
    models: ModelServers = field(default_factory=ModelServers)
    autoscaling: Autoscaling | None = None
    """None where nothing is scaled and no worker is heard."""
    prober: Prober | None = None
    """None where nobody is tried out."""
