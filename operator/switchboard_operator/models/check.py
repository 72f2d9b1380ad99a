"""Whether an admitted VoiceAgent may have the model servers it asks for: pure."""

from switchboard_operator.accept import Admission, Refusal, Withdraw
from switchboard_operator.desired.models.allowed import refused
from switchboard_operator.desired.models.room import Colocated, overfull
from switchboard_operator.models.settings import ModelServerSettings


def check_models(
    admission: Admission, settings: ModelServerSettings, there: Colocated
) -> Refusal | None:
    """Return the refusal, which leaves what was accepted before in service."""
    asks = admission.spec.model_servers
    fault = refused(asks, settings) or overfull(asks, there, settings)
    if fault is None:
        return None
    suspended = admission.tenant.suspend or admission.spec.suspend
    return Refusal(*fault, Withdraw.RULE if suspended else Withdraw.NOTHING)
