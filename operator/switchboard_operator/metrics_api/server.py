"""The TLS server of the metrics API, on every replica.

It serves once there is a certificate and a front proxy to recognise, and looks after both on a slow
timer: what a cluster rotates is taken up without a restart. A client without a certificate gets
401, one whose certificate the front proxy's CA did not sign does not get through the handshake.
"""

import asyncio
import datetime as dt
import logging
import ssl
import tempfile
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from switchboard_operator.desired.autoscaler import GROUP, VERSION
from switchboard_operator.errors import KubeApiError
from switchboard_operator.heartbeats import Heartbeats
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import CONFIG_MAP
from switchboard_operator.kube.objects import Object
from switchboard_operator.metrics_api import figures, front_proxy, keeping
from switchboard_operator.metrics_api.certificates import Certificates
from switchboard_operator.metrics_api.front_proxy import FrontProxy

_log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
RETRY_SECONDS = 3.0

_ROOT = f"/apis/{GROUP}"
_REASONS = {401: "Unauthorized", 403: "Forbidden"}


@dataclass(slots=True)
class MetricsServer:
    """See the module."""

    api: KubeApi
    heartbeats: Heartbeats
    namespace: str
    service: str
    port: int
    ca: str = ""
    """PEM of the CA that signs the certificate; empty until there is one."""
    problem: str = "the metrics API has not started yet"
    """Why it does not serve; empty while it does."""
    _proxy: FrontProxy | None = None
    _certificates: Certificates | None = None
    _site: web.TCPSite | None = field(default=None, repr=False)

    async def run(self) -> None:
        """Serve until cancelled; whatever is in the way is told in `problem` and tried again."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            while True:
                before = self.problem
                await self._look(runner)
                if self.problem and self.problem != before:
                    _log.warning("metrics API: %s", self.problem)
                await asyncio.sleep(RETRY_SECONDS if self.problem else LOOK_SECONDS)
        finally:
            await runner.cleanup()

    async def _look(self, runner: web.AppRunner) -> None:
        try:
            certificates = await keeping.keep(
                self.api, self.namespace, self.service, self._hosts(), dt.datetime.now(dt.UTC)
            )
            found = await self.api.get(
                CONFIG_MAP, front_proxy.NAMESPACE, front_proxy.CONFIG_MAP_NAME
            )
            proxy = front_proxy.read(found.get("data") or {})
            if proxy is None:
                self.problem = (
                    "the API server runs without an aggregation layer: set its flags "
                    "--requestheader-client-ca-file and --proxy-client-cert-file"
                )
                return
            await self._serve(runner, certificates, proxy)
        except (KubeApiError, OSError, ValueError) as error:
            if self._site is None:
                self.problem = str(error)
            else:
                _log.warning("metrics API goes on with what it has: %s", error)

    async def _serve(
        self, runner: web.AppRunner, certificates: Certificates, proxy: FrontProxy
    ) -> None:
        """Listen; anew, when certificate or CA are others. Open connections go on."""
        if self._site is not None and (certificates, proxy) == (self._certificates, self._proxy):
            return
        context = tls_context(certificates, proxy)
        if self._site is not None:
            await self._site.stop()
            self._site = None
        site = web.TCPSite(runner, port=self.port, ssl_context=context)
        await site.start()
        self._site, self._certificates, self._proxy = site, certificates, proxy
        self.ca, self.problem = certificates.ca, ""
        _log.info("metrics API serves", extra={"port": self.port})

    def _hosts(self) -> tuple[str, ...]:
        name = f"{self.service}.{self.namespace}.svc"
        return (name, f"{name}.cluster.local")

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._only_the_front_proxy])
        version = f"{_ROOT}/{VERSION}"
        app.router.add_get("/apis", _fixed(figures.group_list()))
        app.router.add_get(_ROOT, _fixed(figures.group()))
        app.router.add_get(version, _fixed(figures.resource_list()))
        app.router.add_get(f"{version}/namespaces/{{namespace}}/{{metric}}", self._figure)
        return app

    @web.middleware
    async def _only_the_front_proxy(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peercert") if request.transport else None
        refusal = self._proxy.refusal(peer, request.headers) if self._proxy else 503
        if refusal:
            reason = _REASONS.get(refusal, "ServiceUnavailable")
            error = figures.RefusedError(refusal, reason, "only the API server's front proxy asks")
            return web.json_response(error.body(), status=refusal)
        try:
            return await handler(request)
        except figures.RefusedError as error:
            return web.json_response(error.body(), status=error.status)

    async def _figure(self, request: web.Request) -> web.StreamResponse:
        where, selector = request.match_info, request.query.get("labelSelector", "")
        asked = figures.question(where["namespace"], where["metric"], selector)
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response(
            figures.answer(asked, self.heartbeats.reading, self.heartbeats.error, now)
        )


def tls_context(certificates: Certificates, proxy: FrontProxy) -> ssl.SSLContext:
    """Return the server's side of TLS: a client certificate is checked where one is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=proxy.ca)
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as chain:  # ssl reads files only
        chain.write(certificates.key + certificates.cert)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context


def _fixed(body: Object) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer
