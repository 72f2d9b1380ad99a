"""Program of one recogniser process: messages on standard input, answers on standard output.

The decoder holds Python's interpreter lock while it works (500 ms for a sentence that is fed at
once), so it cannot run in a thread beside the event loop that serves the calls. The process ends
when its input does, that is also when the worker is killed.
"""

import contextlib
import os
import signal
import sys
from typing import Final

from switchboard_agent.stt.priority import give_way
from switchboard_agent.stt.recognizer import Recognizer
from switchboard_agent.stt.wire import Message, Parser

_READ_BYTES: Final = 1 << 18


def serve(source: int, sink: int) -> None:
    """Answer until the source ends or the sink is closed."""

    def send(message: Message) -> None:
        left = memoryview(message.encode())
        while left:
            left = left[os.write(sink, left) :]

    recognizer = Recognizer(send)
    parser = Parser()
    while data := os.read(source, _READ_BYTES):
        for message in parser.feed(data):
            recognizer.handle(message)


def main() -> None:
    """Serve the worker that started this process."""
    # Ctrl-C and a pod's SIGTERM reach the whole process group, but calls are finished first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    give_way()
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    main()
