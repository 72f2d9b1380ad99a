"""`switchboard local up`, step by step: the system, the images, the chart.

A system is held by whoever started it: a pipe leads to its keeper, and the kernel closes it however
that process ends, also by kill -9. Only one that is let go outlives its starter.
"""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from switchboard_local.bundle.control import RunningKeeper, bundle, start_keeper
from switchboard_local.bundle.messages import Kind, Message
from switchboard_local.errors import LocalError
from switchboard_local.images.build import BuiltImage, build_images
from switchboard_local.images.nodes import import_images
from switchboard_local.install import install_charts
from switchboard_local.settings import ClusterChoice, LocalSettings
from switchboard_local.state import SystemState
from switchboard_local.status import describe

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` was asked for."""

    nodes: int = 1
    pods: bool = True
    """Switchboard's parts as pods; otherwise as processes."""
    bare: bool = False
    """Without Switchboard's own parts."""
    foreground: bool = False
    """Stay until the system ends."""


@dataclass(frozen=True, slots=True)
class HeldSystem:
    """A system that is up, and ends with this process."""

    state: SystemState
    keeper: RunningKeeper
    """`keeper.let_go()` lets the system go on by itself."""


def bring_up(settings: LocalSettings, options: UpOptions, say: Say) -> SystemState:
    """Start the local system; it goes on when this returns, and is gone when this raises."""
    with held_system(settings, options, say) as held:
        if options.foreground:
            say("Ctrl-C ends it")
            held.keeper.wait_end()
        else:
            held.keeper.let_go()
    return held.state


@contextlib.contextmanager
def held_system(settings: LocalSettings, options: UpOptions, say: Say) -> Iterator[HeldSystem]:
    """Start the local system; it ends with the block and with this process, unless let go."""
    if settings.cluster is ClusterChoice.CURRENT:
        raise LocalError(
            "SWITCHBOARD_CLUSTER=current: the cluster is not ours to start",
            remedy="unset it to run the local system",
        )
    began = time.monotonic()
    starter = (
        bundle(settings, nodes=options.nodes) if options.pods else _processes(settings, options)
    )
    with contextlib.ExitStack() as stack:
        building = stack.enter_context(_building(settings, options, say))
        keeper = stack.enter_context(starter)
        state = keeper.wait_up(lambda message: _report(message, say))
        if building is not None:
            _install(state, settings, building.result(), say)
        say(f"up in {time.monotonic() - began:.1f} s")
        for line in describe(state):
            say(line)
        yield HeldSystem(state, keeper)


def _processes(
    settings: LocalSettings, options: UpOptions
) -> contextlib.AbstractContextManager[RunningKeeper]:
    arguments = ["--bare"] if options.bare else []
    return start_keeper(settings, "switchboard_local.processes.keeper", *arguments)


@contextlib.contextmanager
def _building(
    settings: LocalSettings, options: UpOptions, say: Say
) -> Iterator[concurrent.futures.Future[dict[str, BuiltImage]] | None]:
    """Build images while the system starts."""
    if not options.pods:
        yield None
        return
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(build_images, settings, say, only_pause=options.bare)


def _install(
    state: SystemState, settings: LocalSettings, images: dict[str, BuiltImage], say: Say
) -> None:
    began = time.monotonic()
    if imported := import_images(state, images.values()):
        say(f"  images imported: {imported} in {time.monotonic() - began:.1f} s")
    if "operator" in images:
        began = time.monotonic()
        install_charts(state, settings, images)
        say(f"  charts installed in {time.monotonic() - began:.1f} s")


def _report(message: Message, say: Say) -> None:
    if message.kind is Kind.READY:
        say(f"  {message.text} ready after {message.seconds:.1f} s")
    elif message.kind is Kind.NOTE:
        say(f"  {message.text}")
