"""Structured logs: one JSON object a line, so that a log store can select by any field.

`extra={"voice_agent": "ns/name"}` becomes a field. No secret and no caller content is ever passed.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson
from typing_extensions import override

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; `fields` are of the moment, such as a trace id."""

    def __init__(self, fields: Callable[[], Mapping[str, str]] = dict) -> None:
        super().__init__()
        self._fields = fields

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {k: v for k, v in vars(record).items() if k not in _STANDARD and k[0] != "_"}
        entry |= self._fields()
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def configure(level: str, fields: Callable[[], Mapping[str, str]] = dict) -> None:
    """Send every log line to standard output as JSON; keep libraries to warnings."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("switchboard_operator").setLevel(level.upper())
