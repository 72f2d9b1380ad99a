"""Log lines are JSON with everything that `extra` adds."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from switchboard_agent.logs import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    text = io.StringIO()
    configure_logging("INFO", lambda call: "7a" if call == "C7" else "", text)
    yield text
    root.handlers, root.level = handlers, level


def test_line_is_an_object_with_the_extra_fields(stream: io.StringIO) -> None:
    logging.getLogger("part").warning("call %s refused", "C1", extra={"reason": "quota"})
    line = json.loads(stream.getvalue())
    assert line["message"] == "call C1 refused"
    assert (line["level"], line["logger"], line["reason"]) == ("warning", "part", "quota")


def test_error_carries_its_trace_on_one_line(stream: io.StringIO) -> None:
    try:
        int("broken")
    except ValueError:
        logging.getLogger("part").exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert "invalid literal for int()" in json.loads(line)["error"]


def test_a_value_that_is_no_json_does_not_lose_the_line(stream: io.StringIO) -> None:
    logging.getLogger("part").info("odd", extra={"thing": object()})
    assert "object object" in json.loads(stream.getvalue())["thing"]


def test_a_line_about_a_call_names_its_trace(stream: io.StringIO) -> None:
    log = logging.getLogger("part")
    log.info("of a call", extra={"call_id": "C7"})
    log.info("of a call that is not traced", extra={"call_id": "C8"})
    log.info("of no call")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("trace_id") for line in lines] == ["7a", None, None]
