"""Asking the API server what this process may do: three requests, whatever the number of kinds.

A SelfSubjectRulesReview returns every rule at once, but may be incomplete (authorizers other than
RBAC need not list theirs). So what it does not show is asked for one by one before it is believed.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.selfcheck.needs import Home, Need, allows, needs

_GROUP = "authorization.k8s.io"
RULES = Kind(_GROUP, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False)
ACCESS = Kind(_GROUP, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False)
_NOWHERE = "switchboard-no-such-namespace"
"""Rules that hold here hold everywhere: no RoleBinding can be in it."""


class Asker(Protocol):
    """What a review is sent through."""

    async def ask(self, kind: Kind, question: Object) -> Object:
        """POST a review."""


async def missing(api: Asker, home: Home) -> list[Need]:
    """Return what an operator needs and is not allowed."""
    wanted = needs(home)
    places = sorted({need.namespace or _NOWHERE for need in wanted})
    rules = {where: await _rules(api, where) for where in places}
    doubtful = [need for need in wanted if not allows(rules[need.namespace or _NOWHERE], need)]
    answers = await asyncio.gather(*(_may(api, need) for need in doubtful))
    return [need for need, may in zip(doubtful, answers, strict=True) if not may]


async def _rules(api: Asker, namespace: str) -> Iterable[Object]:
    answer = await api.ask(RULES, _question(RULES, {"namespace": namespace}))
    rules: list[Object] = (answer.get("status") or {}).get("resourceRules") or []
    return rules


async def _may(api: Asker, need: Need) -> bool:
    attributes = {
        "verb": need.verb,
        "group": need.kind.group,
        "resource": need.kind.plural,
        "subresource": need.subresource,
        "name": need.name,
        "namespace": need.namespace,
    }
    spec = {"resourceAttributes": {k: v for k, v in attributes.items() if v}}
    answer = await api.ask(ACCESS, _question(ACCESS, spec))
    return bool((answer.get("status") or {}).get("allowed"))


def _question(kind: Kind, spec: Object) -> Object:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec}
