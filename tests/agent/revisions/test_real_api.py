"""The watch against the real kube-apiserver."""

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest

from switchboard_agent.revisions.kubernetes import KubernetesAccess, KubernetesRevisions
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.worker.backoff import Backoff
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.names import LABEL_POOL
from switchboard_local.servers import ControlPlane
from tests.agent.live.configs import POOL, agent_config
from tests.agent.live.rig import until
from tests.agent.revisions.fake_api import config_map

pytestmark = pytest.mark.integration

NAMESPACE = "worker-revisions"


class Api:
    """The administrator's side."""

    def __init__(self, plane: ControlPlane, session: aiohttp.ClientSession) -> None:
        self._url = f"{plane.url}/api/v1/namespaces"
        self._session = session
        self._headers = {"Authorization": f"Bearer {plane.token}"}
        self._ssl = ssl.create_default_context(cafile=plane.ca_file)

    async def create(self, path: str, body: dict[str, Any]) -> None:
        async with self._session.post(
            self._url + path, json=body, headers=self._headers, ssl=self._ssl
        ) as response:
            assert response.status == 201, await response.text()

    async def delete(self, path: str) -> None:
        async with self._session.delete(
            self._url + path, headers=self._headers, ssl=self._ssl
        ) as response:
            assert response.status == 200, await response.text()

    async def put_revision(self, config: AgentConfig, pool: str = POOL) -> str:
        body = config_map(config, 0)
        body["metadata"] = {"name": body["metadata"]["name"], "labels": {LABEL_POOL: pool}}
        await self.create(f"/{NAMESPACE}/configmaps", body | {"immutable": True})
        return str(body["metadata"]["name"])


async def prepare(_: AgentConfig) -> None:
    """Nothing to warm."""


async def test_revisions_of_the_own_pool_are_followed(cluster: ControlPlane) -> None:
    mine, next_one = agent_config(greeting="Hello."), agent_config(greeting="Hi.")
    other = agent_config(greeting="Of another pool.")
    store = RevisionStore(prepare)
    source = KubernetesRevisions(
        KubernetesAccess(cluster.url, cluster.token_file, cluster.ca_file),
        namespace=NAMESPACE,
        pool=POOL,
        backoff=Backoff(first_seconds=0.05, last_seconds=0.2),
    )

    def held(config: AgentConfig) -> bool:
        wanted = DispatchMetadata(agent=config.key, revision=config.revision)
        return store.get(wanted) is not None

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        api = Api(cluster, session)
        await api.create("", {"metadata": {"name": NAMESPACE}})
        first = await api.put_revision(mine)
        await api.put_revision(other, pool="smile-dental.other")
        watch = tasks.create_task(source.run(store))
        await until(lambda: held(mine))
        await api.put_revision(next_one)
        await until(lambda: held(next_one))
        await api.delete(f"/{NAMESPACE}/configmaps/{first}")
        await until(lambda: not held(mine))
        watch.cancel()
    await asyncio.sleep(0.1)  # TLS connections are closed on later turns of the loop
    assert not held(other)
    assert held(next_one)
