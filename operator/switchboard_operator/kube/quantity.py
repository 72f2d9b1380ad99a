"""Resource quantities as Kubernetes writes them: 0.5, "500m" and "0.5" are the same."""

import re
from decimal import Decimal

_FORM = re.compile(r"^([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkKMGTPE]i?)?$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def same_quantity(one: object, other: object) -> bool:
    """Tell whether two quantities are equal, however they are spelled."""
    if one is None or other is None:
        return one is other
    return one == other or parse(str(one)) == parse(str(other)) is not None


def parse(text: str) -> Decimal | None:
    """Return the value of a quantity, or None if it is not one."""
    found = _FORM.match(text)
    if found is None or not _is_number(found[1]):
        return None
    value, unit = Decimal(found[1]), found[2] or ""
    if unit in _BINARY:
        return value * Decimal(1024) ** _BINARY[unit]
    if unit in _DECIMAL:
        return value.scaleb(_DECIMAL[unit])
    return value.scaleb(int(unit[1:])) if unit[0] in "eE" else None


def _is_number(text: str) -> bool:
    return text.count(".") <= 1 and any(digit.isdigit() for digit in text)
