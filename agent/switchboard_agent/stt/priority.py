"""Processes that recognise give way to the one that carries sound."""

import os
from typing import Final

_NICENESS: Final = 5
"""A third of the other's share of a busy core: words may be late by a moment, frames may not."""


def give_way() -> None:
    """Make this process give way."""
    os.nice(_NICENESS)
