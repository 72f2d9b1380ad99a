"""Builds the Go programs: once, two at a time, never half.

A program is linked in a directory of its own and moved to its place when it is whole, so an
interrupted build leaves nothing that looks built. A lock per machine keeps two checkouts from
building the same program at the same time: the second waits and then finds it done.

Two at a time, because one build alone leaves a core idle while it fetches modules and links.
"""

import contextlib
import fcntl
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.errors import BuildFailedError, ToolMissingError
from switchboard_local.settings import process_environment
from switchboard_local.tools.catalogue import GO_TOOLS, GoTool
from switchboard_local.tools.locate import find_built

GO_WANTED = (1, 26)
"""Oldest Go that builds every pinned module."""

REPORT_SECONDS = 20.0
"""How often a running build says that it is still at work."""

BUILDS_AT_ONCE = 2

_POLL_SECONDS = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every build works with."""

    cache: Path
    go: Path
    say: Say
    stop: threading.Event
    """Set when another build failed or the user has had enough."""


def build_missing(cache: Path, say: Say, tools: Iterable[GoTool] = GO_TOOLS) -> None:
    """Build every program that is neither in the cache nor, in a fitting version, on PATH."""
    wanted = [tool for tool in tools if find_built(tool, cache) is None]
    if not wanted:
        say("all programs are built")
        return
    go = require_go()
    stop = threading.Event()

    def build(number: int, tool: GoTool) -> None:
        if tool.path(cache).exists() or stop.is_set():
            return
        about = f"about {tool.minutes:g} min on 2 cores" if tool.minutes >= 1 else "short"
        say(f"[{number}/{len(wanted)}] building {tool.name} {tool.version()} ({about})")
        began = time.monotonic()
        _build(tool, Workshop(cache, go, say, stop))
        say(f"[{number}/{len(wanted)}] {tool.name}: {time.monotonic() - began:.0f} s")

    with _lock(cache, say), ThreadPoolExecutor(BUILDS_AT_ONCE) as pool:
        builds = [pool.submit(build, *numbered) for numbered in enumerate(wanted, start=1)]
        try:
            for one in as_completed(builds):
                one.result()
        finally:
            stop.set()


def require_go() -> Path:
    """Return the Go command, or raise when there is none that is new enough."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    remedy = "install Go 1.26 or newer from https://go.dev/dl and put it on PATH"
    if found is None:
        raise ToolMissingError("Go is not installed", remedy=remedy)
    text = subprocess.run(  # noqa: S603 - the user's own go command, fixed arguments
        [found, "env", "GOVERSION"], capture_output=True, text=True, check=False
    ).stdout
    version = re.match(r"go(\d+)\.(\d+)", text)
    if version is None or (int(version[1]), int(version[2])) < GO_WANTED:
        raise ToolMissingError(f"{found} is {text.strip() or 'of unknown version'}", remedy=remedy)
    return Path(found)


def build_command(tool: GoTool, go: Path, output: Path) -> list[str]:
    """Return the command that builds the program."""
    return [
        *("nice", str(go), "build", "-trimpath", "-buildvcs=false"),
        *("-ldflags", linker_flags(tool), "-o", str(output), tool.package),
    ]


def linker_flags(tool: GoTool) -> str:
    """Return what the linker is told: no debug tables, and the version where it is stamped."""
    flags = ["-s", "-w"]
    version = tool.version()
    major, minor, *_ = (*version.split("."), "0")
    values = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    for package in tool.stamped:
        flags += [f"-X {package}.{name}={value}" for name, value in values.items()]
    return " ".join(flags)


def _build(tool: GoTool, workshop: Workshop) -> None:
    place = tool.path(workshop.cache).parent
    bench = place.with_name(f".building-{place.name}")
    shutil.rmtree(bench, ignore_errors=True)
    bench.mkdir(parents=True)
    log = workshop.cache / "logs" / f"build-{place.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = process_environment({"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""})
    try:
        with log.open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603 - the command is made of our own table
                build_command(tool, workshop.go, bench / tool.name),
                cwd=tool.directory,
                env=environment,
                stdout=sink,
                stderr=sink,
            )
            status = _wait(process, tool, workshop)
        if status != 0:
            last = " | ".join(log.read_text(errors="replace").strip().splitlines()[-4:])
            raise BuildFailedError(
                f"building {tool.name} {tool.version()} failed: {last}",
                remedy="modules are fetched from GOPROXY: check the network, then run it again",
                log=log,
            )
        shutil.rmtree(place, ignore_errors=True)
        bench.rename(place)
    finally:
        shutil.rmtree(bench, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], tool: GoTool, workshop: Workshop) -> int:
    began = time.monotonic()
    reported = 0.0
    try:
        while not workshop.stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_SECONDS)
            took = time.monotonic() - began
            if took - reported >= REPORT_SECONDS:
                reported = took
                workshop.say(f"    {tool.name}: still at it after {took:.0f} s")
        return -1
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def _lock(cache: Path, say: Say) -> Iterator[None]:
    path = cache / "locks" / "tools"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of the same programs runs: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
