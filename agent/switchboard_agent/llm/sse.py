"""Server-sent events, decoded: bytes in, the data of whole events out.

The stream is cut anywhere on its way, within lines, within line ends, within letters. Lines end
with LF, CR LF or CR; an empty line ends an event; only `data` counts here, because the OpenAI
protocol uses nothing else. An event that the stream does not finish is dropped, as the standard
says.
"""

from dataclasses import dataclass, field
from typing import Final

MAX_EVENT_BYTES: Final = 256 * 1024
"""A thousand times a usual event: who sends more does not speak this protocol."""

_DATA: Final = b"data"
_BOM: Final = b"\xef\xbb\xbf"


class SseError(Exception):
    """An event larger than any this protocol has."""


@dataclass(slots=True)
class SseDecoder:
    """One stream."""

    _line: bytes = b""
    """Begin of a line that is not at its end yet."""
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0
    """Bytes of the event so far."""
    _after_cr: bool = False
    _started: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Data of the events that `chunk` completes. Raises `SseError`."""
        *lines, self._line = (self._line + self._with_plain_ends(chunk)).split(b"\n")
        events = [data for line in lines if (data := self._take(line)) is not None]
        if self._size + len(self._line) > MAX_EVENT_BYTES:
            raise SseError(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return events

    def _with_plain_ends(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _take(self, line: bytes) -> bytes | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        if not line:
            data, self._data, self._size = self._data, [], 0
            return b"\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == _DATA:
            self._data.append(value.removeprefix(b" "))
            self._size += len(line)
        return None
