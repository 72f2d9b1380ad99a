"""The supervisor process inside the bundle: waits for its network, then runs the parts.

Its standard input is a pipe from the keeper: a first line says that the veth pair is there, and
its end says that the keeper is gone, which ends the bundle.
"""

import asyncio
import sys

from switchboard_local.bundle.addresses import BundleAddresses
from switchboard_local.bundle.layout import BundlePlan, bundle_parts, plan_bundle
from switchboard_local.bundle.messages import Kind, Message, send
from switchboard_local.bundle.mounts import make_private_mounts
from switchboard_local.bundle.network import configure_inside
from switchboard_local.errors import LocalError
from switchboard_local.kubeconfig import kubeconfig, write_kubeconfig
from switchboard_local.pki import issue_node_certificate
from switchboard_local.settings import LocalSettings
from switchboard_local.supervisor import supervise
from switchboard_local.tools.locate import locate


class KeeperGoneError(LocalError):
    """The keeper has ended, and the bundle with it."""


async def run(plan: BundlePlan) -> None:
    """Run the bundle's parts until one fails or the keeper leaves."""
    lifeline = await _standard_input()
    await lifeline.readline()
    make_private_mounts(locate("mount", plan.cache))
    configure_inside(locate("ip", plan.cache), plan.addresses, plan.nodes)
    _write_node_kubeconfigs(plan)
    all_ready = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_end_with(lifeline))
            group.create_task(_announce(all_ready))
            group.create_task(
                supervise(
                    bundle_parts(plan),
                    plan.out / "logs",
                    on_ready=lambda name, seconds: send(Message(Kind.READY, name, seconds)),
                    all_ready=all_ready,
                    # The end of process 1 ends them anyway.
                    grace_seconds=0,
                )
            )
    except* LocalError as failures:
        raise failures.exceptions[0] from None


async def _end_with(lifeline: asyncio.StreamReader) -> None:
    await lifeline.read()
    raise KeeperGoneError("the keeper has ended")


async def _announce(all_ready: asyncio.Event) -> None:
    await all_ready.wait()
    send(Message(Kind.UP))


def _write_node_kubeconfigs(plan: BundlePlan) -> None:
    for node in plan.node_names:
        client = issue_node_certificate(plan.pki, plan.files, node)
        write_kubeconfig(
            plan.out / "run" / f"{node}.kubeconfig",
            kubeconfig(url=plan.api.url, ca=plan.files.ca, client=client),
        )


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


def main(number: str, nodes: str) -> int:
    """Run to the end and return the exit status."""
    try:
        plan = plan_bundle(
            LocalSettings.from_environment(), BundleAddresses(int(number)), int(nodes)
        )
        asyncio.run(run(plan))
    except Exception as error:  # noqa: BLE001 - the starter has to learn of any failure
        reason = str(error) if isinstance(error, LocalError) else f"supervisor: {error!r}"
        send(Message(Kind.FAILED, reason))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
