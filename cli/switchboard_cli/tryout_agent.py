"""From a VoiceAgent manifest to what a worker would get: the agent revision, without a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from switchboard_contract.agent_config import AgentConfig, CompiledLlm
from switchboard_contract.crd.voice_agent import DialogSpec, VoiceAgentSpec
from switchboard_contract.dialog import Script
from switchboard_contract.llm_chain import compile_chain, key_refs

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "20-voiceagent.yaml"
"""The dental receptionist of a source checkout."""


class ManifestError(Exception):
    """The file holds no VoiceAgent that can be tried."""


def load_agent(path: Path, secrets: Path | None = None) -> AgentConfig:
    """The one VoiceAgent of a YAML file, with its dialog. Raises `ManifestError`.

    `secrets` is a folder with files `<secret>/<key>`, as worker pods have it.
    """
    try:
        documents = [d for d in yaml.safe_load_all(path.read_text("utf-8")) if isinstance(d, dict)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    agents = list(_of_kind(documents, "VoiceAgent"))
    if len(agents) != 1:
        raise ManifestError(f"{path} holds {len(agents)} VoiceAgents: give a file with one")
    metadata = agents[0].get("metadata") or {}
    namespace = metadata.get("namespace", "default")
    try:
        spec = VoiceAgentSpec.model_validate(agents[0].get("spec"))
        prompt = spec.dialog.prompt
        script = _script(spec.dialog, documents) if prompt is None else None
        llm = _language_models(spec, secrets) if prompt is not None else ()
    except ValidationError as error:
        raise ManifestError(f"{path} is not a valid VoiceAgent:\n{error}") from error
    if script is not None and script.transfers and spec.transfer is None:
        raise ManifestError("the dialog transfers calls: set spec.transfer to say where to")
    return AgentConfig(
        namespace=namespace,
        name=metadata.get("name", "agent"),
        tenant=namespace,
        language=spec.language,
        persona=spec.persona,
        script=script,
        prompt=prompt,
        llm=llm,
        stt=spec.stt,
        tts=spec.tts,
        turn=spec.turn,
        transfer=spec.transfer,
        limits=spec.limits,
    )


def _language_models(spec: VoiceAgentSpec, secrets: Path | None) -> tuple[CompiledLlm, ...]:
    for provider in spec.llm.providers if spec.llm is not None else ():
        if provider.model_server is not None:
            raise ManifestError(
                f"llm provider {provider.name}: model servers run in a cluster; to try the agent "
                "here, name an endpoint by baseUrl"
            )
        if provider.credential is not None:
            raise ManifestError(
                f"llm provider {provider.name}: credential is a key that a Tenant in a cluster "
                "names; to try the agent here, use apiKeyRef"
            )
    for _, ref in key_refs(spec.llm):
        if secrets is None or not (secrets / ref.name / ref.key).is_file():
            raise ManifestError(
                f"the key of Secret {ref.name} is needed: write it to a file {ref.name}/{ref.key} "
                "and give the folder above it as --secrets"
            )
    return compile_chain(spec.llm, {}, str(secrets))


def _script(dialog: DialogSpec, documents: Sequence[Mapping[str, Any]]) -> Script:
    if dialog.inline is not None:
        return dialog.inline
    reference = dialog.config_map_ref
    for config_map in _of_kind(documents, "ConfigMap"):
        if reference is not None and config_map.get("metadata", {}).get("name") == reference.name:
            return Script.model_validate(yaml.safe_load(config_map["data"][reference.key]))
    raise ManifestError("the dialog's ConfigMap is not in the file: add it as another document")


def _of_kind(documents: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (document for document in documents if document.get("kind") == kind)
