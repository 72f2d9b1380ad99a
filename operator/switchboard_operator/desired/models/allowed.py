"""Whether the platform grants an agent the model servers it asks for. Pure.

A profile says which models may be asked for and how many replicas; behind it stand GPUs that
somebody pays for, and the platform's own token for downloads.
"""

from fnmatch import fnmatchcase

from switchboard_contract.crd.model_server import ModelEngine, ModelPlacement, ModelServer
from switchboard_contract.crd.status import Reason
from switchboard_operator.models.settings import GpuProfile, ModelServerSettings

Fault = tuple[Reason, str]
"""Reason and message of a refusal."""


def refused(asks: list[ModelServer], settings: ModelServerSettings) -> Fault | None:
    """Return why the asks are not granted, or None if they are."""
    for index, ask in enumerate(asks):
        if fault := _refused(ask, f"spec.modelServers[{index}]", settings):
            return fault
    return None


def _refused(ask: ModelServer, where: str, settings: ModelServerSettings) -> Fault | None:
    profile = settings.gpu_profiles.get(ask.gpu_profile)
    if profile is None:
        known = ", ".join(sorted(settings.gpu_profiles)) or "none"
        return (
            Reason.GPU_PROFILE_UNKNOWN,
            (
                f"{where}.gpuProfile: the platform has no GPU profile {ask.gpu_profile}; known: "
                f"{known}. Name one of these, or have one added to the chart's value "
                "modelServers.gpuProfiles"
            ),
        )
    if message := _not_allowed(ask, profile, settings):
        return Reason.MODEL_NOT_ALLOWED, f"{where}.{message}"
    return None


def _not_allowed(ask: ModelServer, profile: GpuProfile, settings: ModelServerSettings) -> str:
    name = ask.gpu_profile
    if not any(fnmatchcase(ask.model, pattern) for pattern in profile.models):
        return (
            f"model: GPU profile {name} does not allow {ask.model}; allowed: "
            f"{', '.join(profile.models)}"
        )
    if ask.most_replicas > profile.max_replicas:
        field = "maxReplicas" if ask.replicas <= profile.max_replicas else "replicas"
        return f"{field}: GPU profile {name} allows at most {profile.max_replicas}; ask for fewer"
    if ask.placement is ModelPlacement.COLOCATED and profile.colocated is None:
        return (
            f"placement: GPU profile {name} does not allow Colocated; ask for Dedicated, or have "
            f"modelServers.gpuProfiles.{name}.colocated set in the chart"
        )
    if ask.engine is ModelEngine.TRITON and settings.triton.repository is None:
        return (
            "engine: the platform has no Triton model repository; have the chart's value "
            "modelServers.triton.repository set"
        )
    return ""
