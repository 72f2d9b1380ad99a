"""Log lines as JSON, one object a line: time, level, logger, message, and what `extra` adds.

No content of a call and no secret is logged anywhere in the worker; ids of call, room and job are.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

import orjson
from typing_extensions import override

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One record as one line of JSON."""

    def __init__(self, trace_id: Callable[[str], str]) -> None:
        """`trace_id` gives the id of a call's trace, empty if there is none."""
        super().__init__()
        self._trace_id = trace_id

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if "call_id" in line and (trace_id := self._trace_id(str(line["call_id"]))):
            line["trace_id"] = trace_id
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_logging(
    level: str, trace_id: Callable[[str], str], stream: TextIO = sys.stderr
) -> None:
    """Send every record of the process to `stream`; see `JsonFormatter`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(trace_id))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
