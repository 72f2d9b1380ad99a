"""Virtual time for tests: whole conversations without a sleep."""

from switchboard_agent.virtual_time import StuckError, VirtualTimeLoop, run_virtual

__all__ = ["StuckError", "VirtualTimeLoop", "run_virtual"]
