"""Objects of the store as nobody may change them.

The store keeps once what objects have in common, so a change of one in place would change others.
All tests of the operator run with a store whose objects refuse that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NoReturn

import pytest

from switchboard_operator import store
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object, trim


def _refuse(*_: object, **__: object) -> NoReturn:
    raise TypeError("an object of the store is changed in place: others may have parts of it")


class ReadOnlyDict(dict[str, Any]):
    """A dict that stays as it is; copies of it are dicts as any other."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: deepcopy(value, memo) for key, value in self.items()}


class ReadOnlyList(list[Any]):
    """A list that stays as it is; copies of it are lists as any other."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = remove = _refuse
    clear = pop = sort = reverse = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [deepcopy(value, memo) for value in self]


def read_only(part: Any) -> Any:  # noqa: ANN401  JSON
    """Return the same, read-only; what is so already is the very same, as sharing goes by that."""
    if isinstance(part, ReadOnlyDict | ReadOnlyList):
        return part
    if isinstance(part, dict):
        return ReadOnlyDict({key: read_only(value) for key, value in part.items()})
    if isinstance(part, list):
        return ReadOnlyList([read_only(value) for value in part])
    return part


@contextmanager
def read_only_store() -> Iterator[None]:
    """Stores of this process hold read-only objects."""

    def kept(kind: Kind, raw: Object, like: Object | None = None) -> Object:
        stored: Object = read_only(trim(kind, raw, like))
        return stored

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "trim", kept)
        yield
