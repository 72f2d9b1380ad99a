"""Whether the keys of Secrets that an agent's workers read are there.

Their values are none of the operator's business: it looks for the keys and forgets what it read.
The workers read them from files that Kubernetes mounts.
"""

from typing import Protocol

from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.status import Reason
from switchboard_operator.accept import Admission, Refusal, Withdraw
from switchboard_operator.desired.secret_keys import keys
from switchboard_operator.kube.kinds import SECRET, Kind


class References(Protocol):
    """Reads objects that people wrote."""

    async def read(self, kind: Kind, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a Secret, or None if it is not there."""


async def check_keys(
    namespace: str, admission: Admission, references: References
) -> Refusal | None:
    """Return the refusal, which leaves what was accepted before in service."""
    suspended = admission.tenant.suspend or admission.spec.suspend
    stays = Withdraw.RULE if suspended else Withdraw.NOTHING
    for field, ref in keys(admission.spec):
        data = await references.read(SECRET, namespace, ref.name)
        if message := _fault(namespace, ref, data):
            return Refusal(Reason.SECRET_NOT_FOUND, field + message, stays)
    return None


def _fault(namespace: str, ref: ObjectKeyRef, data: dict[str, str] | None) -> str:
    if data is None:
        return (
            f".name: there is no Secret {ref.name} in namespace {namespace}; create it with the "
            f"key {ref.key}, or correct the name"
        )
    if not data.get(ref.key):
        return (
            f".key: Secret {ref.name} in namespace {namespace} has no key {ref.key}, or an empty "
            "one; add it or correct the key"
        )
    return ""
