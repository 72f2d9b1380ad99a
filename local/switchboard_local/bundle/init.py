"""Process 1 of the bundle: makes it a machine of its own, then reaps until the end.

It forks once: the child becomes the supervisor, the parent only waits. When the supervisor ends,
for whatever reason, process 1 ends everything else; and should the keeper be gone too, it removes
what namespaces do not hold. It imports little and holds nothing, so that nothing in it can fail.
"""

import contextlib
import os
import signal
import sys

from switchboard_local.bundle.cgroups import remove_cgroups


def main(bundle: str, *supervisor_arguments: str) -> int:
    """Run the supervisor to its end and return its exit status."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The keeper ends a bundle by SIGKILL; nothing weaker should leave it half alive.
        signal.signal(ignored, signal.SIG_IGN)
    supervisor = os.fork()
    if supervisor == 0:
        _become_supervisor(*supervisor_arguments)
    status = _reap_until(supervisor)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    remove_cgroups(bundle)
    return status


def _become_supervisor(*arguments: str) -> None:
    for restored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(restored, signal.SIG_DFL)
    command = [sys.executable, "-m", "switchboard_local.bundle.supervisor_main", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell wanted


def _reap_until(supervisor: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == supervisor:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
