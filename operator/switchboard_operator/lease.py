"""Leader election by a Lease, as client-go does it: one process works, the others stand by.

Clocks of different machines are never compared: a standby counts on its own clock for how long the
record has not changed. A leader that cannot renew in two thirds of the lease gives up *before*
anybody can take over, and the process ends: no state of a former leader lives on.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from switchboard_contract import names
from switchboard_operator.errors import ConflictError, KubeApiError, LeaseLostError, NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import LEASE
from switchboard_operator.kube.objects import Object, version_of

_log = logging.getLogger(__name__)

NAME = "switchboard-operator"
_LABELS = {names.LABEL_MANAGED_BY: names.MANAGED_BY}
"""By which the watch of the canary finds it among the leases of nodes."""


class Lease:
    """The one Lease of all operators of a cluster, seen from one of them."""

    def __init__(
        self,
        api: KubeApi,
        *,
        namespace: str,
        identity: str,
        seconds: float,
        on_written: Callable[[int], None] = lambda _version: None,
    ) -> None:
        self._api = api
        self._on_written = on_written
        self._namespace = namespace
        self._identity = identity
        self._seconds = seconds
        self._seen = ""
        self._seen_at = 0.0

    async def acquire(self) -> None:
        """Wait until this process leads."""
        _log.info("waiting for the lease", extra={"identity": self._identity})
        while True:
            if await self._try():
                break
            await asyncio.sleep(self._seconds / 7.5)
        _log.info("leading", extra={"identity": self._identity})

    async def hold(self) -> None:
        """Renew for ever; LeaseLostError when that fails for too long or another one leads."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(self._seconds / 7.5)
            deadline = renewed + self._seconds * 2 / 3
            try:
                # Each try on its own clock, or a connection that died in silence takes the whole
                # of the time in which a fresh one would have renewed.
                async with asyncio.timeout_at(min(deadline, loop.time() + self._seconds / 5)):
                    held = await self._try()
            except TimeoutError:
                held = False
            if held:
                renewed = loop.time()
            elif loop.time() >= deadline or self._seen_holder() not in {"", self._identity}:
                raise LeaseLostError("the lease could not be renewed in time, or another leads")

    async def release(self) -> None:
        """Let a standby take over at once."""
        try:
            lease = await self._api.get(LEASE, self._namespace, NAME)
            if lease["spec"].get("holderIdentity") == self._identity:
                await self._write(lease, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except KubeApiError as error:
            _log.warning("lease not released, it runs out by itself: %s", error)

    async def _try(self) -> bool:
        try:
            return await self._take_or_renew()
        except ConflictError:
            return False
        except KubeApiError as error:
            _log.warning("lease: %s", error)
            return False

    async def _take_or_renew(self) -> bool:
        try:
            lease = await self._api.get(LEASE, self._namespace, NAME)
        except NotFoundError:
            await self._api.create(LEASE, self._new())
            return True
        spec = lease["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder not in {"", self._identity} and not self._expired(lease):
            return False
        changes: Object = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "renewTime": _now(),
        }
        if holder != self._identity:
            changes["acquireTime"] = changes["renewTime"]
            changes["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        await self._write(lease, changes)
        self._seen = f"{self._identity}/"
        return True

    def _expired(self, lease: Object) -> bool:
        spec = lease["spec"]
        record = f"{spec.get('holderIdentity')}/{spec.get('renewTime')}"
        now = asyncio.get_running_loop().time()
        if record != self._seen:
            self._seen, self._seen_at = record, now
        return now - self._seen_at > float(spec.get("leaseDurationSeconds") or self._seconds)

    def _seen_holder(self) -> str:
        return self._seen.partition("/")[0]

    async def _write(self, lease: Object, spec: Object) -> None:
        version = lease["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "labels": _LABELS}, "spec": spec}
        written = await self._api.patch(LEASE, self._namespace, NAME, patch)
        self._on_written(version_of(written))

    def _new(self) -> Object:
        now = _now()
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": NAME, "namespace": self._namespace, "labels": dict(_LABELS)},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": max(1, round(self._seconds)),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
