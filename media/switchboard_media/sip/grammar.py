"""The small grammar that SIP headers share: tokens, quoted strings, parameters, lists.

Commas and semicolons inside quotes or angle brackets do not separate; everything here walks
the text once, so that a hostile header costs no more than its length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from switchboard_media.errors import MalformedMessage

TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\(.)")
_NEEDS_ESCAPE: Final = re.compile(r'(["\\])')


@dataclass(frozen=True, slots=True)
class Params:
    """`;name=value` parameters in order. Names compare without regard to case."""

    items: tuple[tuple[str, str | None], ...] = ()

    def __contains__(self, name: str) -> bool:
        wanted = name.lower()
        return any(key.lower() == wanted for key, _ in self.items)

    def get(self, name: str) -> str | None:
        """The value; None where absent or without a value."""
        wanted = name.lower()
        return next((value for key, value in self.items if key.lower() == wanted), None)

    def having(self, name: str, value: str | None) -> "Params":
        """The same with this parameter set, in its old place if it had one."""
        if name not in self:
            return Params((*self.items, (name, value)))
        wanted = name.lower()
        return Params(
            tuple((key, value if key.lower() == wanted else old) for key, old in self.items)
        )

    def without(self, name: str) -> "Params":
        """The same less this parameter."""
        wanted = name.lower()
        return Params(tuple(item for item in self.items if item[0].lower() != wanted))

    @override
    def __str__(self) -> str:
        return "".join(f";{k}" if v is None else f";{k}={v}" for k, v in self.items)


def number(text: str, what: str, *, limit: int) -> int:
    """A decimal number of at most `limit`."""
    if not _NUMBER.fullmatch(text) or int(text) > limit:
        raise MalformedMessage(f"{what} is not a number up to {limit}")
    return int(text)


def quote(text: str) -> str:
    """The text as a quoted string."""
    return '"' + _NEEDS_ESCAPE.sub(r"\\\1", text) + '"'


def unquote(text: str) -> str:
    """The text of a quoted string; any other text as it is."""
    matched = _QUOTED.fullmatch(text)
    return _ESCAPE.sub(r"\1", matched.group(1)) if matched else text


def split_outside(text: str, separator: str) -> Iterator[str]:
    """Pieces between separators that stand outside quotes and angle brackets, stripped."""
    if '"' not in text and "<" not in text:
        yield from (piece.strip() for piece in text.split(separator))
        return
    start = 0
    quoted = escaped = bracketed = False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            bracketed = char == "<"
        elif char == separator and not bracketed:
            yield text[start:index].strip()
            start = index + 1
    if quoted or bracketed:
        raise MalformedMessage("a quote or angle bracket is not closed")
    yield text[start:].strip()


def parse_params(text: str) -> Params:
    """Parameters from text that is empty or starts with a semicolon."""
    text = text.strip()
    if not text:
        return Params()
    first, *pieces = split_outside(text, ";")
    if first:
        raise MalformedMessage("parameters do not start with a semicolon")
    return Params(tuple(_param(piece) for piece in pieces if piece))


def _param(piece: str) -> tuple[str, str | None]:
    name, equals, value = piece.partition("=")
    name, value = name.strip(), value.strip()
    if not TOKEN.fullmatch(name):
        raise MalformedMessage("a parameter has no name")
    if not equals:
        return name, None
    if any(char.isspace() for char in value) and not _QUOTED.fullmatch(value):
        raise MalformedMessage("a parameter's value holds spaces outside quotes")
    return name, value
