"""Real-time priority, so that other work on the machine delays no measured process."""

import os

_PRIORITY = 10


def be_realtime() -> bool:
    """Take it for this process and those that it starts; False where it is not allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    except PermissionError:
        return False
    return True
