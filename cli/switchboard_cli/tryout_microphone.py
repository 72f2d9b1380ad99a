"""You as the caller: microphone and speaker on the loopback transport."""

import asyncio
from collections import deque

import numpy as np
import sounddevice  # type: ignore[import-untyped,unused-ignore]
from typing_extensions import override

from switchboard_agent.records.base import CallRecorder
from switchboard_agent.transport.base import FRAME_SAMPLES, SAMPLE_RATE_HZ, CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackTransport, Recording
from switchboard_cli import tryout_call
from switchboard_contract.agent_config import AgentConfig


class _SpeakerTransport(LoopbackTransport):
    """Also plays the agent's frames aloud."""

    def __init__(self, info: CallInfo) -> None:
        super().__init__(info)
        self._frames: deque[Pcm] = deque()

    @override
    def play(self, frame: Pcm) -> None:
        super().play(frame)
        self._frames.append(frame.copy())

    def fill(self, out: Pcm, *_: object) -> None:
        """Called by the sound system, in its thread, for the next frame."""
        out[:, 0] = self._frames.popleft() if self._frames else 0


async def run(
    config: AgentConfig, records: CallRecorder, transports: list[LoopbackTransport]
) -> Recording:
    """Call until someone hangs up. Raises `CannotTryError`."""

    def make_transport(info: CallInfo) -> LoopbackTransport:
        transports.append(_SpeakerTransport(info))
        return transports[0]

    try:
        return await tryout_call.run_call(config, records, _talk, make_transport)
    except ExceptionGroup as error:
        if isinstance(cause := tryout_call.cause_of(error), sounddevice.PortAudioError):
            text = f"microphone or speaker cannot be opened: {cause}"
            raise tryout_call.CannotTryError(text) from error
        raise


async def _talk(transport: LoopbackTransport) -> None:
    if not isinstance(transport, _SpeakerTransport):
        return
    loop = asyncio.get_running_loop()

    def on_microphone(data: Pcm, *_: object) -> None:
        frame = np.array(data[:, 0], dtype=np.int16)
        loop.call_soon_threadsafe(transport.send, frame)

    settings = {
        "samplerate": SAMPLE_RATE_HZ,
        "blocksize": FRAME_SAMPLES,
        "channels": 1,
        "dtype": "int16",
    }
    with (
        sounddevice.InputStream(callback=on_microphone, **settings),
        sounddevice.OutputStream(callback=transport.fill, **settings),
    ):
        await transport.closed.wait()
