"""Log lines as JSON objects, one a line, for whoever reads the edge's log file."""

import json
import logging
import time

from typing_extensions import override

_FIELDS = "fields"


class JsonFormatter(logging.Formatter):
    """Time, level, event and the fields given with `extra={"fields": {...}}`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "ts": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: int) -> None:
    """Send every log line to standard output as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # The rtc SDK tells of every connection; the edge's own lines say what matters of that.
    logging.getLogger("livekit").setLevel(max(level, logging.WARNING))


def log(logger: logging.Logger, level: int, event: str, **fields: object) -> None:
    """Log an event with its fields."""
    logger.log(level, event, extra={_FIELDS: fields})
