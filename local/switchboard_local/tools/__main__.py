"""`python -m switchboard_local.tools build|list|missing-debian`: used by scripts/bootstrap."""

import argparse
import sys

from switchboard_local.errors import LocalError
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.build import build_missing
from switchboard_local.tools.catalogue import GO_TOOLS
from switchboard_local.tools.debian import DEBIAN_TOOLS, find_debian, missing_packages
from switchboard_local.tools.locate import find_built


def main(arguments: list[str] | None = None) -> int:
    """Run one of the three commands and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m switchboard_local.tools", description=__doc__)
    parser.add_argument("command", choices=("build", "list", "missing-debian"))
    parser.add_argument("only", nargs="*", help="programs to build; all where none is named")
    parser.add_argument("--no-root", action="store_true", help="leave out what only root can use")
    parser.add_argument(
        "--calls", action="store_true", help="only what callers need (missing-debian)"
    )
    parser.add_argument(
        "--tests", action="store_true", help="also what only tests use (missing-debian)"
    )
    given = parser.parse_args(arguments)
    settings = LocalSettings.from_environment()
    try:
        if given.command == "build":
            wanted = [tool for tool in GO_TOOLS if not (given.no_root and tool.needs_root)]
            chosen = [tool for tool in wanted if not given.only or tool.name in given.only]
            build_missing(settings.cache, _say, chosen)
        elif given.command == "list":
            _list(settings)
        else:
            sys.stdout.writelines(
                f"{name}\n"
                for name in missing_packages(
                    as_root=not given.no_root, only_calls=given.calls, with_tests=given.tests
                )
            )
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: run it again to go on\n")
        return 130
    return 0


def _list(settings: LocalSettings) -> None:
    for tool in GO_TOOLS:
        found = find_built(tool, settings.cache)
        _say(f"{tool.name:24} {tool.version():8} {found or 'not built'}")
    for packaged in DEBIAN_TOOLS:
        found = find_debian(packaged)
        _say(f"{packaged.program:24} {packaged.package:28} {found or 'missing'}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
