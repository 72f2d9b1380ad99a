"""SIPp as a child process: its files, its command line, its end.

SIPp 3.6.1 has habits to work around: it reads the terminal unless told not to, a port that is taken
ends it without a word, and it fixes a scenario's sound when it starts. So each run has a folder of
its own with scenario, injection file and logs, ports found free just before, and stdin closed.
"""

import asyncio
import contextlib
import random
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from switchboard_loadtest.errors import SippError, ToolMissingError
from switchboard_loadtest.sip_scenario import Plan, steps, to_xml

ALL_WELL, SOME_FAILED = 0, 1
"""Exit codes after which there are calls to measure."""

STOP_SECONDS = 5.0
_PORTS = range(26_000, 32_000, 8)
"""Below the range from which the kernel takes ports for outgoing sockets: one of those may be taken
again before SIPp has bound it."""
_PORT_TRIES = 200
_RATE_PERIOD_S = 10
_LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call."""

    host: str
    port: int
    number: str
    username: str = ""
    """Digest user; empty where the trunk asks for none."""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """One row of the injection file: who calls, and which port listens to the answer."""

    number: str
    ear_port: int


@dataclass(frozen=True, slots=True)
class Ports:
    """SIPp's own ports."""

    sip: int
    rtp: int


@dataclass(frozen=True, slots=True)
class Job:
    """One SIPp process."""

    target: Target
    plan: Plan
    callers: Sequence[Caller]
    calls_per_second: float
    local_ip: str
    ports: Ports
    folder: Path
    """For scenario, injection file and logs."""

    @property
    def message_trace(self) -> Path:
        """Every message with its time: for people, and where packets cannot be captured."""
        return self.folder / "messages.log"


def local_ip_towards(host: str) -> str:
    """Own address on the way to a host; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        address: str = probe.getsockname()[0]
        return address


def free_ports(ip: str) -> Ports:
    """Ports that are free now: four in a row for RTP, the first even, and the next for SIP.

    Raises `SippError` if there are none.
    """
    for _ in range(_PORT_TRIES):
        rtp = random.choice(_PORTS)  # noqa: S311 - spreads runs, protects nothing
        ports = Ports(sip=rtp + 4, rtp=rtp)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(rtp, ports.sip + 1):
                opened = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                opened.bind((ip, port))
            return ports
    raise SippError(
        f"no free UDP ports found between {_PORTS.start} and {_PORTS.stop} on {ip}",
        "end what holds them: ss -lunp",
    )


def command(job: Job, program: str) -> list[str]:
    """SIPp's command line."""
    calls = str(len(job.callers))
    credentials = ["-au", job.target.username, "-ap", job.target.password]
    return [
        program,
        f"{job.target.host}:{job.target.port}",
        *("-sf", str(job.folder / "scenario.xml"), "-inf", str(job.folder / "callers.csv")),
        *("-i", job.local_ip, "-mi", job.local_ip),
        *("-p", str(job.ports.sip), "-mp", str(job.ports.rtp)),
        *("-s", job.target.number, "-m", calls, "-l", calls),
        *("-r", str(max(1, round(job.calls_per_second * _RATE_PERIOD_S)))),
        *("-rp", str(_RATE_PERIOD_S * 1000)),
        *("-trace_err", "-error_file", str(job.folder / "errors.log"), "-nostdin"),
        *("-trace_msg", "-message_file", str(job.message_trace)),
        *(credentials if job.target.username else []),
    ]


def write_files(job: Job) -> None:
    """Scenario and injection file."""
    job.folder.mkdir(parents=True, exist_ok=True)
    xml = to_xml(job.plan.ending.value, steps(job.plan))
    (job.folder / "scenario.xml").write_text(xml, encoding="utf-8")
    rows = [f"{caller.number};{caller.ear_port}" for caller in job.callers]
    (job.folder / "callers.csv").write_text("\n".join(["SEQUENTIAL", *rows, ""]))


async def run(job: Job) -> int:
    """Place all calls and wait for their end; gives SIPp's exit code."""
    program = shutil.which("sipp")
    if program is None:
        raise ToolMissingError("sipp", "sip-tester")
    write_files(job)
    with (job.folder / "screen.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *command(job, program),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            cwd=job.folder,
        )
        try:
            code = await process.wait()
        finally:
            await _stop(process)
    if code not in {ALL_WELL, SOME_FAILED}:
        raise SippError(
            f"SIPp ended with exit code {code} ({_last_words(job)})", f"see {job.folder}"
        )
    return code


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(job: Job) -> str:
    for name in ("errors.log", "screen.log"):
        path = job.folder / name
        lines = path.read_text(errors="replace").split("\n") if path.exists() else []
        words = [line.strip() for line in lines if line.strip()]
        if words:
            return " | ".join(words[-_LOG_LINES:])
    return "it logged nothing"
