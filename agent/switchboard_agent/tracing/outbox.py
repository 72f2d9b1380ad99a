"""Spans on their way to a collector: OTLP over HTTP, from the event loop, a few at a time.

The SDK's own exporter is a thread. While it encodes and sends, the loop waits for the interpreter
at each of its own calls to the system: at a hundred calls that made holes in what callers heard.
"""

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Final

import aiohttp
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.util.re import parse_env_headers
from typing_extensions import override

_log = logging.getLogger(__name__)

_MOST_SPANS: Final = 4096
"""Kept while the collector is away: about 6 MB."""
_BATCH_SPANS: Final = 32
"""Sent at once: a millisecond of encoding."""
_EVERY_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 5.0
_LAST_SECONDS: Final = 1.0
"""What the end of the process waits for a collector that does not answer."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_TOO_MANY, _SERVER_ERROR = 429, 500


class _CollectorError(Exception):
    """The collector is away or busy: it may take the same spans later."""


class Outbox(SpanProcessor):
    """Takes spans that are over; what does not fit is dropped, and said."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._spans: deque[ReadableSpan] = deque()
        self._dropped = 0
        self._reached = True

    @override
    def on_end(self, span: ReadableSpan) -> None:
        if len(self._spans) < _MOST_SPANS:
            self._spans.append(span)
        else:
            self._dropped += 1

    async def run(self) -> None:
        """Send for ever."""
        async with self._open() as http:
            while True:
                await asyncio.sleep(_EVERY_SECONDS)
                try:
                    await self._send(http)
                except _CollectorError as error:
                    self._note(str(error))
                    await asyncio.sleep(_RETRY_SECONDS)

    async def aclose(self) -> None:
        """Send what is left; bounded in time. Not beside `run`."""
        with suppress(TimeoutError, _CollectorError):
            async with asyncio.timeout(_LAST_SECONDS), self._open() as http:
                await self._send(http)
        self._dropped += len(self._spans)
        if self._dropped:
            _log.warning("spans were dropped", extra={"spans": self._dropped})

    def _open(self) -> aiohttp.ClientSession:
        given = parse_env_headers(os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""), liberal=True)
        headers = {**given, "Content-Type": "application/x-protobuf"}
        return aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)

    async def _send(self, http: aiohttp.ClientSession) -> None:
        while self._spans:
            batch = list(islice(self._spans, _BATCH_SPANS))
            await self._post(http, encode_spans(batch).SerializeToString())
            for _ in batch:
                self._spans.popleft()

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> None:
        """Spans that the collector will never take are dropped: those behind them wait."""
        try:
            async with http.post(self._url, data=body) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _CollectorError(type(error).__name__) from error
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise _CollectorError(f"status {status}")
        self._note("" if answer.ok else f"refused with status {status}")

    def _note(self, reason: str) -> None:
        """Say it when it changes, not with each batch."""
        if reason and self._reached:
            _log.warning("traces are not taken", extra={"collector": self._url, "reason": reason})
        elif not reason and not self._reached:
            _log.info("traces are taken again", extra={"collector": self._url})
        self._reached = not reason
