"""The table of reasons names exactly the conditions that the operator's code gives them on.

Read from the code, not from runs: what only happens on a bad day must be right too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import switchboard_operator
from switchboard_contract.crd.reasons import REASONS
from switchboard_contract.crd.status import ConditionType, Reason

ROOT = Path(switchboard_operator.__path__[0])

Pair = tuple[ConditionType, Reason]

_REFUSALS = {"Refusal", "Excess"}
"""What judges a spec speaks of Accepted."""
_TOLD_BY_CALLER = {
    "notes.pin_note": {ConditionType.ACCEPTED},
    "desired.models.allowed._refused": {ConditionType.ACCEPTED},
    "desired.models.room.overfull": {ConditionType.ACCEPTED},
    "reconcile.tenant._ready": {ConditionType.READY},
}
"""Functions that return a reason to somebody who knows the condition."""
_LIVEKIT = {ConditionType.NUMBERS_BOUND, ConditionType.SIP_READY, ConditionType.READY}
_CHILDREN = {ConditionType.WORKERS_READY, ConditionType.READY}
_LANDS = {
    "OperatorError": _LIVEKIT | _CHILDREN,
    "KubeApiError": _CHILDREN,
    "ChildConflictError": _CHILDREN,
    "LiveKitUnreachableError": _LIVEKIT,
    "LiveKitRefusedError": _LIVEKIT,
    "NumberHeldError": {ConditionType.NUMBERS_BOUND, ConditionType.SIP_READY},
}
"""Where an error that was met ends up: Ready is that of a Tenant or of what is being deleted."""


class _Module:
    """One file of the operator."""

    def __init__(self, path: Path) -> None:
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.known = {
            target.id: _mentioned(node.value, {})
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.functions = [n for n in ast.walk(self.tree) if isinstance(n, _FUNCTIONS)]
        self.helpers = {
            f.name: _mentioned(f, self.known)
            for f in self.functions
            if "reason" in {argument.arg for argument in f.args.args}
        }

    def pairs(self) -> Iterator[tuple[str, set[ConditionType], Reason]]:
        """Return each place that gives a reason, with the conditions it is given on."""
        for function in self.functions:
            known = self.known | _assigned(function)
            for call, reason in _given(function, None):
                yield (
                    f"{self.name}.{function.name}",
                    self._conditions(function, call, known),
                    reason,
                )
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    for _, reason in _given(statement, None):
                        yield f"{self.name}.{node.name}", _LANDS.get(node.name, set()), reason

    def _conditions(
        self, function: ast.AST, call: ast.Call | None, known: dict[str, set[ConditionType]]
    ) -> set[ConditionType]:
        assert isinstance(function, _FUNCTIONS)
        told = _TOLD_BY_CALLER.get(f"{self.name}.{function.name}")
        if told:
            return told
        if call is None:
            return _mentioned(function, known)
        called = call.func.id if isinstance(call.func, ast.Name) else ""
        if called in _REFUSALS:
            return {ConditionType.ACCEPTED}
        direct = set().union(*(_mentioned(argument, known) for argument in call.args))
        return direct or self.helpers.get(called, set())


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _enum(node: ast.AST, name: str) -> str:
    """Return the member of an enum that a node spells; empty if it is none."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == name else ""
    return ""


def _mentioned(node: ast.AST, known: dict[str, set[ConditionType]]) -> set[ConditionType]:
    found = set()
    for part in ast.walk(node):
        if member := _enum(part, "ConditionType"):
            found.add(ConditionType[member])
        elif isinstance(part, ast.Name):
            found |= known.get(part.id, set())
    return found


def _assigned(function: ast.AST) -> dict[str, set[ConditionType]]:
    found: dict[str, set[ConditionType]] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                found[target.id] = _mentioned(node.value, {})
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for name, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(name, ast.Name):
                        found[name.id] = _mentioned(value, {})
    return found


def _given(node: ast.AST, call: ast.Call | None) -> Iterator[tuple[ast.Call | None, Reason]]:
    """Return each reason under a node, with the innermost call that it is an argument of."""
    if member := _enum(node, "Reason"):
        yield call, Reason[member]
    inner = node if isinstance(node, ast.Call) else call
    for child in ast.iter_child_nodes(node):
        yield from _given(child, inner)


def _places() -> list[tuple[str, set[ConditionType], Reason]]:
    return [place for path in sorted(ROOT.rglob("*.py")) for place in _Module(path).pairs()]


def test_each_place_that_gives_a_reason_is_of_a_condition() -> None:
    """A place that this module cannot read belongs into one of its tables."""
    assert [
        (where, reason.value) for where, conditions, reason in _places() if not conditions
    ] == []


def test_the_table_names_the_conditions_that_the_code_gives_a_reason_on() -> None:
    given: dict[Reason, set[ConditionType]] = {reason: set() for reason in Reason}
    for _, conditions, reason in _places():
        given[reason] |= conditions
    assert {r: sorted(c) for r, c in given.items()} == {
        reason: sorted(REASONS[reason].conditions) for reason in Reason
    }
