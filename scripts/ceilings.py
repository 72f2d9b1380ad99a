"""Hold the ceilings of style: no file over 400 lines, no function over 60.

The session of a call and the steps of a reconcile are where such code grows first: their functions
stop at 40. A ceiling is not a target.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
STRICT_FUNCTION_LINES = 40
STRICT = ("agent/switchboard_agent/session", "operator/switchboard_operator/reconcile")
"""Path prefixes with the lower ceiling."""


def tracked_python_files() -> list[Path]:
    """Python files that git tracks or would track."""
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for line in out.splitlines() if (path := Path(line)).exists()]


def violations(path: Path) -> Iterator[str]:
    """Each ceiling that the file breaks, as a line for a person."""
    source = path.read_text()
    lines = source.count("\n")
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines, ceiling {FILE_LINES}: split it by concept"
    ceiling = STRICT_FUNCTION_LINES if str(path).startswith(STRICT) else FUNCTION_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > ceiling:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, ceiling {ceiling}"


def main() -> int:
    """Print what is too long; 1 if anything is."""
    found = [line for path in tracked_python_files() for line in violations(path)]
    if Path("operator/__init__.py").exists():
        found.append("operator/__init__.py: would hide the standard library's operator module")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
