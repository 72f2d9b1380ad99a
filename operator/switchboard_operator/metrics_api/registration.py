"""The APIService: tells the API server that `external.metrics.k8s.io` is served here.

A cluster has one, so one that belongs to somebody else (KEDA, prometheus-adapter) is left alone and
said. Only the leader writes it. It is deleted with the ClusterRole of this installation: one left
behind without a server would block the deletion of every namespace.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass

from switchboard_contract import names
from switchboard_operator.desired.autoscaler import GROUP, VERSION
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.compare import contains
from switchboard_operator.kube.kinds import API_SERVICE, CLUSTER_ROLE
from switchboard_operator.kube.objects import Object, labels_of, uid_of
from switchboard_operator.metrics_api.server import MetricsServer

_log = logging.getLogger(__name__)

NAME = f"{VERSION}.{GROUP}"
WELL_SECONDS = 15.0
ILL_SECONDS = 1.0
FIRST_SECONDS = 2.0
"""How long a new leader waits for the API server to reach it, before it says that it does not."""


@dataclass(slots=True)
class Registration:
    """Whether autoscalers can ask us."""

    api: KubeApi
    server: MetricsServer | None
    """None with another metrics provider."""
    owner: str = ""
    problem: str = "the metrics API is not registered yet"
    """Why autoscalers cannot ask us; empty if they can."""

    async def first_look(self) -> None:
        """Look until it is well, but not for long."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                while self.problem:
                    await self._note()
                    if self.problem:
                        await asyncio.sleep(FIRST_SECONDS / 20)
        except TimeoutError:
            return

    async def keep(self, on_change: Callable[[], None]) -> None:
        """Register and stay registered until cancelled; tell when `problem` changes."""
        while True:
            before = self.problem
            await self._note()
            if self.problem != before:
                _log.warning("metrics API: %s", self.problem or "answers through the API server")
                on_change()
            await asyncio.sleep(ILL_SECONDS if self.problem else WELL_SECONDS)

    async def _note(self) -> None:
        try:
            self.problem = await self._look()
        except KubeApiError as error:
            self.problem = f"APIService {NAME}: {error}"

    async def _look(self) -> str:
        found = await self._found()
        if self.server is None:
            await self._withdraw(found)
            return ""
        if self.server.problem:
            return self.server.problem
        if found is not None and not is_ours(found, self.server):
            return foreign(found)
        wanted = api_service(self.server, await self._owner())
        if found is None or not contains(found, _body(wanted)):
            found = await self.api.apply(API_SERVICE, wanted)
        return unavailable(found)

    async def _withdraw(self, found: Object | None) -> None:
        """Make room for the provider that was chosen instead."""
        if found is not None and labels_of(found).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY:
            await self.api.delete(API_SERVICE, found)

    async def _found(self) -> Object | None:
        try:
            return await self.api.get(API_SERVICE, "", NAME)
        except NotFoundError:
            return None

    async def _owner(self) -> Object | None:
        if not self.owner:
            return None
        role = await self.api.get(CLUSTER_ROLE, "", self.owner)
        return {
            "apiVersion": CLUSTER_ROLE.api_version,
            "kind": CLUSTER_ROLE.kind,
            "name": self.owner,
            "uid": uid_of(role),
        }


def api_service(server: MetricsServer, owner: Object | None) -> Object:
    """Return the APIService."""
    metadata: Object = {"name": NAME, "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY}}
    if owner:
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": API_SERVICE.api_version,
        "kind": API_SERVICE.kind,
        "metadata": metadata,
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode(server.ca.encode()).decode(),
            "service": {
                "namespace": server.namespace,
                "name": server.service,
                "port": server.port,
            },
        },
    }


def is_ours(found: Object, server: MetricsServer) -> bool:
    """Tell whether an APIService was made by this installation."""
    service = found["spec"].get("service") or {}
    ours = labels_of(found).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
    where = (service.get("namespace"), service.get("name"))
    return ours and where == (server.namespace, server.service)


def foreign(found: Object) -> str:
    """Return what to do about an APIService of somebody else."""
    service = found["spec"].get("service") or {}
    holder = f"{service.get('namespace', '?')}/{service.get('name', '?')}"
    return (
        f"APIService {NAME} belongs to {holder} and is left alone: set the chart's "
        "metrics.provider to prometheus-adapter or keda to use that one, or remove it"
    )


def unavailable(found: Object) -> str:
    """Return why the API server does not reach us; empty if it does."""
    conditions = (found.get("status") or {}).get("conditions") or []
    for condition in conditions:
        if condition["type"] == "Available" and condition["status"] == "True":
            return ""
        if condition["type"] == "Available":
            return f"APIService {NAME} is not available: {condition.get('message', '')}"
    return f"APIService {NAME} is not available yet"


def _body(wanted: Object) -> Object:
    return {"metadata": {"labels": wanted["metadata"]["labels"]}, "spec": wanted["spec"]}
