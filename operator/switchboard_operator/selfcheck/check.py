"""The self-check as it runs beside everything else, every few seconds.

It costs five small requests a look. Nothing here ends the process: a missing permission is granted,
a CRD is upgraded, and the operator goes on without a new start. What is wrong stands in the log
once, and at /readyz all the time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from switchboard_operator.errors import KubeApiError
from switchboard_operator.health import Health
from switchboard_operator.kube.client import KubeClient
from switchboard_operator.selfcheck import permissions, schema
from switchboard_operator.selfcheck.needs import Home, sentence
from switchboard_operator.telemetry import Telemetry

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 2.0
"""While something is wrong: somebody is mending it."""
_CALM_SECONDS = 5.0
"""While nothing is: permissions can be taken away and CRDs replaced at any time, and both are said
within ten seconds."""
_TIMEOUT_SECONDS = 8.0
"""An API server that does not answer is said so within ten seconds."""
_REMEDY = "upgrade the chart, or grant it to the operator's service account"


class SelfCheck:
    """See the module."""

    def __init__(self, api: KubeClient, health: Health, telemetry: Telemetry, home: Home) -> None:
        self._api = api
        self._health = health
        self._telemetry = telemetry
        self._home = home
        self._optional = ""
        self.permitted = asyncio.Event()
        """Set while every permission is there."""
        self.schema_fits = asyncio.Event()
        """Set while the CRDs are not older than this operator: nothing is written otherwise."""
        self.schema_outdated = asyncio.Event()
        """Set while they are."""
        self.schema_fault = ""

    async def follow(self) -> None:
        """Check for ever."""
        while True:
            await self._guarded("permissions", self._permissions)
            if self.permitted.is_set():
                await self._guarded("crds", self._schema)
            await asyncio.sleep(_AGAIN_SECONDS if self._health.problems else _CALM_SECONDS)

    async def _guarded(self, source: str, look: Callable[[], Awaitable[str]]) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                self._note(source, await look())
            self._note("api", "")
        except (KubeApiError, TimeoutError) as error:
            self._note("api", f"the API server does not answer: {str(error) or 'timeout'}")

    async def _permissions(self) -> str:
        found = await permissions.missing(self._api, self._home)
        self._telemetry.missing_permissions.set(len(found))
        self._note_optional(sentence(need for need in found if not need.required))
        fault = sentence(need for need in found if need.required)
        if fault:
            self.permitted.clear()
            return f"{fault}: {_REMEDY}"
        self.permitted.set()
        return ""

    async def _schema(self) -> str:
        self.schema_fault = await schema.fault(self._api)
        good, bad = self.schema_fits, self.schema_outdated
        for event, holds in ((good, not self.schema_fault), (bad, bool(self.schema_fault))):
            event.set() if holds else event.clear()
        return self.schema_fault

    def _note(self, source: str, fault: str) -> None:
        if fault == self._health.problems.get(source, ""):
            return
        if fault:
            self._health.problems[source] = fault
            _log.error("not ready: %s", fault)
        else:
            del self._health.problems[source]
            _log.info("mended: %s", source)

    def _note_optional(self, fault: str) -> None:
        if fault and fault != self._optional:
            _log.warning("goes on without: %s: %s", fault, _REMEDY)
        self._optional = fault
