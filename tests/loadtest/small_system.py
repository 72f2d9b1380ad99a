"""The call path without Kubernetes: Redis, LiveKit, the SIP side and one worker, as processes.

The SIP side is the edge, or livekit-sip where SWITCHBOARD_LIVEKIT_SIP names it.

What the operator would make (trunk, rule, revision) is made here by hand from the sample
VoiceAgent, so that spoken calls can be tested where there is no root.
"""

import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from livekit import api

from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.names import pool_name
from switchboard_loadtest.sipp import Target, free_ports
from switchboard_local.part import Part
from switchboard_local.parts.livekit import LOCAL_KEY
from switchboard_local.parts.sip import SipSettings, sip_part
from switchboard_local.ports import LOOPBACK, free_port
from switchboard_local.probes import HttpReady
from switchboard_local.process import RunningPart, running
from switchboard_local.servers.livekit import LiveKitServer, livekit_server
from switchboard_local.servers.redis import RedisServer, redis_server
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import find_livekit_sip

SAMPLE = Path(__file__).parents[2] / "manifests/samples/20-voiceagent.yaml"
MAX_CALLS = 60


@dataclass(frozen=True, slots=True)
class SmallSystem:
    """A system that answers."""

    target: Target
    redis_url: str
    worker: RunningPart
    edge: RunningPart


def sample_config() -> AgentConfig:
    """The sample VoiceAgent as the operator would compile it."""
    resource = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    spec = VoiceAgentSpec.model_validate(resource["spec"])
    script = spec.dialog.inline
    assert script is not None
    return AgentConfig(
        namespace=resource["metadata"]["namespace"],
        name=resource["metadata"]["name"],
        tenant="smile-dental",
        language=spec.language,
        persona=spec.persona,
        script=script,
        stt=spec.stt,
        tts=spec.tts,
        turn=spec.turn,
        limits=spec.limits,
    )


@contextlib.asynccontextmanager
async def small_system(folder: Path, *, stt_processes: int = 1) -> AsyncIterator[SmallSystem]:
    """Run everything for the length of the block; a call can be placed when the block begins."""
    config = sample_config()
    revisions = folder / "revisions"
    revisions.mkdir(parents=True)
    (revisions / f"{config.revision}.json").write_text(config.to_json(), encoding="utf-8")
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(folder))
        livekit = await stack.enter_async_context(livekit_server(folder, redis))
        number = await _provision(livekit, config)
        sip_port = free_ports(LOOPBACK).sip
        edge = await stack.enter_async_context(
            running(_sip(livekit, redis, sip_port, folder), folder / "logs")
        )
        worker = await stack.enter_async_context(
            running(_worker(livekit, redis, config, revisions, stt_processes), folder / "logs")
        )
        yield SmallSystem(Target(LOOPBACK, sip_port, number), redis.url, worker, edge)


async def _provision(livekit: LiveKitServer, config: AgentConfig) -> str:
    """Trunk and rule of the sample agent; gives its number."""
    number = "+15550100"
    client = api.LiveKitAPI(livekit.http_url, livekit.api_key, livekit.api_secret)
    try:
        trunk = await client.sip.create_inbound_trunk(
            api.CreateSIPInboundTrunkRequest(
                trunk=api.SIPInboundTrunkInfo(name=config.key, numbers=[number])
            )
        )
        dispatch = api.RoomAgentDispatch(
            agent_name=pool_name(config.namespace, config.name),
            metadata=DispatchMetadata(agent=config.key, revision=config.revision).model_dump_json(
                by_alias=True
            ),
        )
        individual = api.SIPDispatchRuleIndividual(room_prefix=f"sb-{config.namespace}")
        await client.sip.create_dispatch_rule(
            api.CreateSIPDispatchRuleRequest(
                dispatch_rule=api.SIPDispatchRuleInfo(
                    name=config.key,
                    trunk_ids=[trunk.sip_trunk_id],
                    rule=api.SIPDispatchRule(dispatch_rule_individual=individual),
                    room_config=api.RoomConfiguration(agents=[dispatch], departure_timeout=2),
                )
            )
        )
    finally:
        await client.aclose()
    return number


def _sip(livekit: LiveKitServer, redis: RedisServer, port: int, folder: Path) -> Part:
    return sip_part(
        SipSettings(
            host=LOOPBACK,
            port=port,
            livekit_http_url=livekit.http_url,
            livekit_ws_url=livekit.ws_url,
            keys=LOCAL_KEY,
            redis=redis.address,
        ),
        livekit_sip=find_livekit_sip(LocalSettings.from_environment()),
        directory=folder / "sip",
    )


def _worker(
    livekit: LiveKitServer,
    redis: RedisServer,
    config: AgentConfig,
    revisions: Path,
    stt_processes: int,
) -> Part:
    port = free_port()
    return Part(
        name="worker",
        command=(sys.executable, "-m", "switchboard_agent"),
        probe=HttpReady(f"http://{LOOPBACK}:{port}/readyz"),
        ready_within_seconds=60,
        environment={
            "SWITCHBOARD_POOL": pool_name(config.namespace, config.name),
            "SWITCHBOARD_NAMESPACE": config.namespace,
            "SWITCHBOARD_LIVEKIT_URL": livekit.ws_url,
            "SWITCHBOARD_LIVEKIT_API_KEY": livekit.api_key,
            "SWITCHBOARD_LIVEKIT_API_SECRET": livekit.api_secret,
            "SWITCHBOARD_REDIS_URL": redis.url,
            "SWITCHBOARD_MAX_CALLS": str(MAX_CALLS),
            "SWITCHBOARD_STT_PROCESSES": str(stt_processes),
            "SWITCHBOARD_DRAIN_SECONDS": "2",
            "SWITCHBOARD_HTTP_PORT": str(port),
            "SWITCHBOARD_REVISIONS": f"dir:{revisions}",
            "SWITCHBOARD_WORKER_NAME": "test-worker",
        },
    )
