"""Which APIs the cluster serves: Prometheus operator, KEDA or a metrics API may be there or not.

One request answers for all of them (aggregated discovery), so it is simply made again: on a slow
timer, and at once when a write says that a kind is gone. What was asked before and has another
answer now is what `refresh` returns; who plans with an optional API must look again then. Until
the API server has answered once, and while it does not answer, what was known stays.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import NamedTuple

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object

_log = logging.getLogger(__name__)


class Resource(NamedTuple):
    """One resource of an API; an empty plural asks whether the group version answers at all."""

    group: str
    version: str
    plural: str


class Discovery:
    """What is served, as last seen."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._served: frozenset[Resource] = frozenset()
        self._told: frozenset[Resource] = frozenset()
        self._asked: set[Resource] = set()
        self._doubted = asyncio.Event()

    def serves(self, group: str, version: str, plural: str = "") -> bool:
        """Tell whether a resource is served; without a plural, whether its group version is."""
        asked = Resource(group, version, plural)
        self._asked.add(asked)
        return asked in self._served

    def has(self, kind: Kind) -> bool:
        """Tell whether objects of a kind can exist; those of Kubernetes itself always can."""
        return not kind.optional or self.serves(kind.group, kind.version, kind.plural)

    def missing(self, kind: Kind) -> None:
        """Note that a request found an optional kind gone; look again at once."""
        self._served -= {Resource(kind.group, kind.version, kind.plural)}
        self._doubted.set()

    async def refresh(self) -> set[Resource]:
        """Look; return what was asked for before and has another answer now."""
        now = served(await self._api.discover())
        changed = {asked for asked in self._asked if (asked in self._told) != (asked in now)}
        self._served = self._told = now
        return changed

    async def changes(self, seconds: float) -> AsyncIterator[set[Resource]]:
        """Yield what comes and goes, for ever."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    await self._doubted.wait()
            except TimeoutError:
                pass
            self._doubted.clear()
            try:
                changed = await self.refresh()
            except KubeApiError as error:
                _log.warning("discovery failed, going on with what was known: %s", error)
                continue
            if changed:
                names = sorted(f"{r.plural or '*'}.{r.group}/{r.version}" for r in changed)
                _log.info("served APIs changed: %s", ", ".join(names))
                yield changed


def served(groups: list[Object]) -> frozenset[Resource]:
    """Return what the items of an APIGroupDiscoveryList say is served.

    A version whose server does not answer is listed as stale; it serves nothing.
    """
    found: set[Resource] = set()
    for group in groups:
        found |= _of_group(group)
    return frozenset(found)


def _of_group(group: Object) -> set[Resource]:
    name = group["metadata"]["name"]
    found: set[Resource] = set()
    for version in group.get("versions") or []:
        if version.get("freshness") == "Stale":
            continue
        found.add(Resource(name, version["version"], ""))
        for resource in version.get("resources") or []:
            found.add(Resource(name, version["version"], resource["resource"]))
    return found
