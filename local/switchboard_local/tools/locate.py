"""Where a program is: in the cache, or already on the machine."""

import re
import shutil
import subprocess
from pathlib import Path

from switchboard_local.errors import ToolMissingError
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.catalogue import GoTool, go_tool
from switchboard_local.tools.debian import debian_tool, find_debian

VERSION_COMMANDS = {"kubectl": ("version", "--client"), "helm": ("version", "--short")}
"""How to ask a program that may be on the machine for its version."""


def locate(name: str, cache: Path) -> Path:
    """Return the path of a program, or raise with the command that brings it."""
    if (built := go_tool(name)) is not None:
        if (path := find_built(built, cache)) is not None:
            return path
        raise ToolMissingError(
            f"{name} {built.version()} is not built yet",
            remedy="run: python -m switchboard_local.tools build",
        )
    packaged = debian_tool(name)
    if packaged is None:
        raise ToolMissingError(f"{name} is not a program the local system knows")
    if (path := find_debian(packaged)) is not None:
        return path
    raise ToolMissingError(
        f"{name} is not installed",
        remedy=f"run as root: apt-get install --no-remove {packaged.package}",
    )


def find_livekit_sip(settings: LocalSettings) -> Path | None:
    """Return the real SIP bridge where the machine has one: named in the settings, or on PATH."""
    if settings.livekit_sip is None:
        found = shutil.which("livekit-sip")
        return Path(found) if found else None
    named = shutil.which(settings.livekit_sip)
    if named is None:
        raise ToolMissingError(
            f"SWITCHBOARD_LIVEKIT_SIP names {settings.livekit_sip}, which is not a program",
            remedy="unset it to use the SIP edge, or let it name livekit-sip",
        )
    return Path(named)


def find_built(tool: GoTool, cache: Path) -> Path | None:
    """Return the cached program, or a compatible one on PATH."""
    path = tool.path(cache)
    if path.exists():
        return path
    return _compatible_on_path(tool)


def _compatible_on_path(tool: GoTool) -> Path | None:
    found = shutil.which(tool.name) if tool.also_accepted else None
    if found is None or tool.also_accepted is None:
        return None
    asked = subprocess.run(  # noqa: S603 - a program of the user's own PATH, fixed arguments
        [found, *VERSION_COMMANDS[tool.name]],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    matches = re.search(rf"\bv?{tool.also_accepted}", asked.stdout)
    return Path(found) if asked.returncode == 0 and matches else None
