"""The ears of SIPp's callers: one UDP socket per call, its port offered in the call's SDP.

SIPp never reads what it receives, so each call's INVITE names a port of this collector instead.
Datagrams are kept as they came, stamped by the kernel; nothing is decoded before the run is over,
so that listening costs next to nothing while the system under test needs the processor.
"""

import asyncio
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from switchboard_loadtest.datagrams import ANCILLARY_BYTES, SO_TIMESTAMPNS, Datagram, stamp_ns
from switchboard_loadtest.errors import LoadTestError

_MAX_DATAGRAM_BYTES = 2048
_RECEIVE_BUFFER_BYTES = 1 << 20
_BURST = 64


class Ear:
    """What arrived on one port."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._address: tuple[str, int] = opened.getsockname()
        self.heard: list[Datagram] = []

    @property
    def port(self) -> int:
        """Port that the call's SDP names."""
        return self._address[1]

    def take(self) -> None:
        """Take what is there, without waiting."""
        for _ in range(_BURST):
            try:
                data, ancillary, _flags, source = self._socket.recvmsg(
                    _MAX_DATAGRAM_BYTES, ANCILLARY_BYTES
                )
            except (BlockingIOError, ConnectionRefusedError):
                return
            at_ns = stamp_ns(ancillary)
            if at_ns is not None:
                self.heard.append(Datagram(at_ns, source, self._address, data))

    def close(self) -> None:
        """Take the last and let the port go."""
        self.take()
        self._socket.close()

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()


class Collector:
    """Opens an ear for each call of a run and listens while the context is open."""

    def __init__(self, ip: str, calls: int) -> None:
        self._ip = ip
        self._calls = calls
        self._ears: list[Ear] = []

    @property
    def ears(self) -> Sequence[Ear]:
        """One per call."""
        return self._ears

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            for _ in range(self._calls):
                ear = Ear(open_ear(self._ip))
                self._ears.append(ear)
                loop.add_reader(ear, ear.take)
        except OSError as error:
            self._close()
            raise LoadTestError(
                f"cannot listen on {self._ip} for {self._calls} calls ({error})",
                "use an address of this machine, and fewer calls or a higher limit of open files",
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        loop = asyncio.get_running_loop()
        for ear in self._ears:
            loop.remove_reader(ear)
            ear.close()


def open_ear(ip: str) -> socket.socket:
    """A socket on a free port that stamps what arrives."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    opened.settimeout(0)
    opened.bind((ip, 0))
    return opened
