"""A real browser without a screen, driven over its DevTools protocol.

Its microphone plays a WAV file once, from the moment a page opens it. Pages are allowed to open it.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = Path("/usr/lib/chromium/chromium-headless-shell")
"""The program itself: what is on PATH is a script that would outlive its end."""

START_SECONDS = 30.0
LOOK_SECONDS = 0.05


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def open(self, url: str) -> None:
        """Go there; returns when the page has loaded."""
        await self.command("Page.enable")
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 whatever the script gives
        """Evaluate JavaScript as a click of a person would; promises are awaited."""
        answer = await self.command(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = 15.0) -> Any:  # noqa: ANN401 see run
        """Wait until JavaScript gives something true."""
        async with asyncio.timeout(seconds):
            while not (value := await self.run(condition)):  # noqa: ASYNC110 pages set no event
                await asyncio.sleep(LOOK_SECONDS)
        return value

    async def type(self, key: str) -> None:
        """Press a key of the keyboard."""
        for kind in ("keyDown", "keyUp"):
            await self.command("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        """Give a command of the protocol; its answer."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message: dict[str, Any] = await self._socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result


@asynccontextmanager
async def browser(workdir: Path, microphone: Path | None, *flags: str) -> AsyncIterator[Page]:
    """Start a browser with one tab; killed at the end. None is a machine without a microphone."""
    profile = _new_profile(workdir)
    sound = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    with (workdir / "browser.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", str(PROGRAM)),
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",  # containers have little of it
            # Chromium refuses its sandbox to root; what it is shown here is our own page.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--use-fake-ui-for-media-stream",
            *(sound if microphone else []),
            *flags,
            "about:blank",
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(START_SECONDS):
            while (port := _port(profile)) is None:
                assert process.returncode is None, "the browser has ended"
                await asyncio.sleep(LOOK_SECONDS)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
            async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0) as ws:
                yield Page(ws)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _new_profile(workdir: Path) -> Path:
    assert PROGRAM.exists(), f"{PROGRAM} is missing: scripts/bootstrap tests"
    profile = workdir / "profile"
    profile.mkdir(parents=True)
    return profile


def _port(profile: Path) -> str | None:
    """Where the browser takes commands; None until it does."""
    file = profile / "DevToolsActivePort"
    lines = file.read_text().splitlines() if file.exists() else []
    return lines[0] if lines else None
