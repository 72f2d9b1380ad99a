"""Signals: the first asks to drain, every further one changes nothing.

Kubernetes sends SIGTERM once; a preStop hook, a supervisor or an impatient hand may send more. A
second signal that ended the process would hang up on everybody.
"""

import asyncio
import logging
import signal

_log = logging.getLogger(__name__)


def stop_on_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()

    def on_signal(name: str) -> None:
        if stop.is_set():
            _log.info("%s while draining: calls go on", name)
        else:
            _log.info("%s: draining", name)
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number.name)
    return stop
