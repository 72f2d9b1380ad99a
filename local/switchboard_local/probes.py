"""Ways to ask a server whether it is ready: each asks for what its users will ask for."""

import asyncio
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp
from typing_extensions import override

from switchboard_local.part import Probe

ASK_SECONDS = 2.0
"""How long one question may take before it counts as unanswered."""


@dataclass(frozen=True, slots=True)
class HttpReady(Probe):
    """Ready when a GET answers 200."""

    url: str
    ca_file: Path | None = None
    """Certificate authority to trust for an https address."""
    bearer: str | None = None
    """Token to show, where the address asks for one."""

    @override
    async def why_not_ready(self) -> str | None:
        headers = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        try:
            trust = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self.url, headers=headers, ssl=trust) as answer,
            ):
                if answer.status == HTTPStatus.OK:
                    return None
                text = (await answer.text()).strip()
                return f"{self.url} answers {answer.status}: {text[-300:]}"
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            return f"{self.url}: {_complaint(error)}"


@dataclass(frozen=True, slots=True)
class TcpReady(Probe):
    """Ready when the port accepts a connection."""

    host: str
    port: int

    @override
    async def why_not_ready(self) -> str | None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                _, writer = await asyncio.open_connection(self.host, self.port)
        except (OSError, TimeoutError) as error:
            return f"{self.host}:{self.port}: {_complaint(error)}"
        writer.close()
        return None


@dataclass(frozen=True, slots=True)
class UnixSocketReady(Probe):
    """Ready when the Unix socket accepts a connection."""

    path: Path

    @override
    async def why_not_ready(self) -> str | None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                _, writer = await asyncio.open_unix_connection(self.path)
        except (OSError, TimeoutError) as error:
            return f"{self.path}: {_complaint(error)}"
        writer.close()
        return None


@dataclass(frozen=True, slots=True)
class RedisReady(Probe):
    """Ready when PING is answered by PONG (not while a dump is still loading)."""

    host: str
    port: int

    @override
    async def why_not_ready(self) -> str | None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(b"PING\r\n")
                    answer = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            return f"{self.host}:{self.port}: {_complaint(error)}"
        return None if answer == b"+PONG\r\n" else f"answered {answer!r} to PING"


@dataclass(frozen=True, slots=True)
class SipReady(Probe):
    """Ready when a SIP OPTIONS over UDP is answered, with whatever status."""

    host: str
    port: int

    @override
    async def why_not_ready(self) -> str | None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _FirstAnswer(answer), remote_addr=(self.host, self.port)
            )
        except OSError as error:
            return f"{self.host}:{self.port}: {error}"
        try:
            host, port = transport.get_extra_info("sockname")[:2]
            transport.sendto(_options(self.host, self.port, host, port))
            async with asyncio.timeout(ASK_SECONDS):
                return await answer
        except TimeoutError:
            return f"no answer to OPTIONS at {self.host}:{self.port}/udp"
        finally:
            transport.close()


def _complaint(error: Exception) -> str:
    """Return what an error says; a timeout says nothing, so its name stands in."""
    return str(error) or type(error).__name__


class _FirstAnswer(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[str | None]) -> None:
        self._answer = answer

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result(None if data.startswith(b"SIP/2.0 ") else f"got {data[:40]!r}")

    @override
    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_result(str(exc))


def _options(host: str, port: int, own_host: str, own_port: int) -> bytes:
    lines = [
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bK-ready-{own_port};rport",
        f"From: <sip:ready@{own_host}>;tag={own_port}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: ready-{own_port}@{own_host}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, slots=True)
class NodeReady(Probe):
    """Ready when the API server shows the node with condition Ready."""

    api_url: str
    ca_file: Path
    bearer: str
    node: str

    @override
    async def why_not_ready(self) -> str | None:
        url = f"{self.api_url}/api/v1/nodes/{self.node}"
        headers = {"Authorization": f"Bearer {self.bearer}"}
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        trust = ssl.create_default_context(cafile=self.ca_file)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(url, headers=headers, ssl=trust) as answer,
            ):
                if answer.status != HTTPStatus.OK:
                    return f"{self.node} has not registered ({answer.status})"
                body = await answer.json()
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            return f"{url}: {_complaint(error)}"
        for condition in body.get("status", {}).get("conditions", []):
            if condition["type"] == "Ready" and condition["status"] == "True":
                return None
            if condition["type"] == "Ready":
                return f"{self.node}: {condition['message']}"
        return f"{self.node} has no condition Ready yet"
