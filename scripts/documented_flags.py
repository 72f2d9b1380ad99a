"""Write down which flags a program documents: what the flag-drift tests compare ours with.

Run by hand when an image or program is bumped; the versions stand in the names of the files.

    pip download --no-deps --only-binary=:all: vllm==0.33.0
    python scripts/documented_flags.py vllm 0.33.0 vllm-0.33.0-*.whl
    tritonserver --help > help.txt      # of its image; that in nvidia-pytriton needs no GPU
    python scripts/documented_flags.py tritonserver 2.51.0 help.txt
    livekit-server help-verbose > help.txt
    python scripts/documented_flags.py livekit-server 1.13.5 help.txt \
        ~/go/pkg/mod/github.com/livekit/livekit-server@v1.13.5/pkg/config/config.go \
        ~/go/pkg/mod/github.com/livekit/mediatransportutil@v*/pkg/rtcconfig/config.go

vLLM is not run: its parser is read from the source, since it needs a GPU driver to start. LiveKit's
help leaves out what is a list, so keys of its configuration are read from its source too.
"""

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "operator" / "documented_flags"

_VLLM_FILES = ("vllm/engine/arg_utils.py", "vllm/entrypoints/common/cli_args.py")
_FRONTEND = re.compile(r"FrontendArgs$")
"""Classes whose fields become flags of the same name."""


def vllm_flags(wheel: Path) -> set[str]:
    """Return the flags of `vllm serve`, by its parser's source."""
    found: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for name in _VLLM_FILES:
            tree = ast.parse(archive.read(name))
            found |= {flag for node in ast.walk(tree) for flag in _declared(node)}
    return found


def _declared(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
        for argument in node.args:
            if isinstance(argument, ast.Constant) and str(argument.value).startswith("--"):
                yield str(argument.value)
    if isinstance(node, ast.ClassDef) and _FRONTEND.search(node.name):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield f"--{field.target.id.replace('_', '-')}"


def help_flags(text: str) -> set[str]:
    """Return the flags that a help text lists, one at the beginning of each line."""
    return set(re.findall(r"^\s*(--[a-z][\w.-]*)", text, re.MULTILINE))


def yaml_keys(source: str) -> set[str]:
    """Return the keys of a configuration, by the tags of its Go structs."""
    return {f"key {name}" for name in re.findall(r'yaml:"([a-z]\w*)', source)}


def main(program: str, version: str, *paths: str) -> None:
    """Write the list of one program."""
    first, *sources = map(Path, paths)
    if first.suffix == ".whl":
        found = vllm_flags(first)
    else:
        found = help_flags(first.read_text(encoding="utf-8"))
    for source in sources:
        found |= yaml_keys(source.read_text(encoding="utf-8"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{program}-{version}.txt"
    path.write_text("".join(f"{flag}\n" for flag in sorted(found)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
