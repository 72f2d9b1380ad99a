"""Whether the CRDs in the cluster know every field that this operator writes and reads.

Helm does not upgrade CRDs by itself, and an API server drops fields that it does not know without
a word. So the CRDs carry the number of their schema; an older one stops the operator from writing.
A newer one is fine: fields are only ever added to a version of the API.
"""

import logging
from typing import Protocol

from switchboard_contract import names
from switchboard_contract.crd.version import SCHEMA_VERSION
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object, annotations_of
from switchboard_operator.selfcheck.needs import CRD

_log = logging.getLogger(__name__)


class Getter(Protocol):
    """What a CRD is read through."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return one object."""


async def fault(api: Getter) -> str:
    """Return what is wrong with the CRDs and the remedy; empty if nothing is."""
    for kind in (VOICE_AGENT, TENANT):
        name = f"{kind.plural}.{kind.group}"
        try:
            crd = await api.get(CRD, "", name)
        except NotFoundError:
            return f"CRD {name} is not there: helm install switchboard-crds"
        if (there := version_of_schema(crd)) < SCHEMA_VERSION:
            return (
                f"CRD {name} is older than this operator (schema {there}, needed "
                f"{SCHEMA_VERSION}): helm upgrade switchboard-crds"
            )
    return ""


def version_of_schema(crd: Object) -> int:
    """Return the number on a CRD; 1 where there is none, as on the first release."""
    text = annotations_of(crd).get(names.SCHEMA_VERSION_ANNOTATION, "1")
    return int(text) if text.isdigit() else 1
