"""Lines held in memory: which agent a number that Twilio brings is answered by.

They come the same way as revisions do. A line changes in place; whoever has calls on it is told.
"""

import logging
from collections.abc import Callable

from pydantic import ValidationError

from switchboard_contract.line import Line

_log = logging.getLogger(__name__)


class Lines:
    """The lines known to this worker, by the name of the object that holds them."""

    def __init__(self) -> None:
        self._by_object: dict[str, Line] = {}
        self.on_change: Callable[[Line], None] = lambda _line: None
        """Told of each line that is new or has changed."""

    def of_agent(self, agent: str) -> Line | None:
        """The line of an agent (`namespace/name`)."""
        return next((line for line in self._by_object.values() if line.agent == agent), None)

    def of_number(self, number: str) -> Line | None:
        """The line that a number belongs to. The operator gives a number to one agent only."""
        return next((line for line in self._by_object.values() if number in line.numbers), None)

    def put(self, name: str, text: str) -> None:
        """An object appeared or changed; one that is no valid line is logged and ignored."""
        try:
            line = Line.model_validate_json(text)
        except ValidationError:
            _log.exception("line %s is not valid", name)
            return
        if self._by_object.get(name) != line:
            self._by_object[name] = line
            self.on_change(line)

    def drop(self, name: str) -> None:
        """An object is gone: new calls find nobody, live ones go on."""
        self._by_object.pop(name, None)

    def keep_only(self, names: frozenset[str]) -> None:
        """A fresh list was read: whatever is not on it is gone."""
        for name in self._by_object.keys() - names:
            self.drop(name)
