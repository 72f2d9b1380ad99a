"""From the language models of a VoiceAgent to what a client needs: pure, for operator and CLI."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from switchboard_contract import names
from switchboard_contract.agent_config import CompiledLlm
from switchboard_contract.crd.llm import LlmProvider, LlmSpec
from switchboard_contract.crd.meta import ObjectKeyRef


class ServerAddress(NamedTuple):
    """Where a model server answers."""

    base_url: str
    model: str


def compile_chain(
    llm: LlmSpec | None,
    servers: Mapping[str, ServerAddress],
    secrets_directory: str = names.SECRETS_DIRECTORY,
) -> tuple[CompiledLlm, ...]:
    """The chain in its order; `servers` by their names in spec.modelServers."""
    providers = llm.providers if llm is not None else ()
    return tuple(_compiled(provider, servers, secrets_directory) for provider in providers)


def key_refs(llm: LlmSpec | None) -> Iterator[tuple[int, ObjectKeyRef]]:
    """Secret keys that the providers name, with the provider's place in the chain."""
    for index, provider in enumerate(llm.providers if llm is not None else ()):
        if provider.api_key_ref is not None:
            yield index, provider.api_key_ref


def key_of(path: str) -> ObjectKeyRef:
    """The Secret key behind a compiled `api_key_file`."""
    _, name, key = path.rsplit("/", 2)
    return ObjectKeyRef(name=name, key=key)


def _compiled(
    provider: LlmProvider, servers: Mapping[str, ServerAddress], secrets_directory: str
) -> CompiledLlm:
    if provider.model_server is not None:
        server = servers[provider.model_server]
        base_url, model = server.base_url, provider.model or server.model
    else:
        base_url, model = provider.base_url or "", provider.model or ""
    key = provider.api_key_ref
    return CompiledLlm(
        name=provider.name,
        base_url=base_url,
        model=model,
        api_key_file=f"{secrets_directory}/{key.name}/{key.key}" if key is not None else None,
        temperature=provider.temperature,
        max_tokens=provider.max_tokens,
        first_token_timeout_ms=provider.first_token_timeout_ms,
    )
