"""Every flag that we render, and where the version we render it for documents it.

Servers refuse to start on a flag they do not know, and a GPU pod says so only after minutes. So no
flag is rendered that does not stand here, and none stands here that the pinned version does not
document: a test compares all golden files with the lists that `scripts/documented_flags.py` writes
from the programs. A bump of an image means writing its list anew and going through this table.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """One command line flag."""

    name: str
    source: str
    """Where it is documented, or declared in the program's source."""


VLLM_VERSION = "0.33.0"
"""Version that the table was checked against, in the package from PyPI:
`vllm/engine/arg_utils.py` and `vllm/entrypoints/common/cli_args.py`."""

TRITON_RELEASE = "26.07"
"""Release of the container. The table was checked against its `src/command_line_parser.cc`."""

TRITON_CHECKED = "2.51.0"
"""Version whose `tritonserver --help` the test compares with (24.10): the newest that runs without
a GPU driver, so that its list can be made anywhere."""

_ENGINE = "https://docs.vllm.ai/en/stable/configuration/engine_args/"
_SERVE = "https://docs.vllm.ai/en/stable/cli/serve/"
_TRITON_REPOSITORY = "https://github.com/triton-inference-server/server/blob/main/"
_PARSER = f"{_TRITON_REPOSITORY}src/command_line_parser.cc"
_MANAGEMENT = f"{_TRITON_REPOSITORY}docs/user_guide/model_management.md"
_LIMITER = f"{_TRITON_REPOSITORY}docs/user_guide/rate_limiter.md"

VLLM = (
    Flag("--port", _SERVE),
    Flag("--served-model-name", _ENGINE),
    Flag("--max-model-len", _ENGINE),
    Flag("--gpu-memory-utilization", _ENGINE),
    Flag("--tensor-parallel-size", _ENGINE),
    Flag("--enable-prefix-caching", _ENGINE),
    Flag("--shutdown-timeout", "https://github.com/vllm-project/vllm/pull/36666"),
    Flag("--disable-access-log-for-endpoints", "https://github.com/vllm-project/vllm/pull/30011"),
)

TRITON = (
    Flag("--model-repository", _PARSER),
    Flag("--model-control-mode", _MANAGEMENT),
    Flag("--load-model", _MANAGEMENT),
    Flag("--strict-readiness", _PARSER),
    Flag("--http-port", _PARSER),
    Flag("--grpc-port", _PARSER),
    Flag("--metrics-port", _PARSER),
    Flag("--rate-limit", _LIMITER),
    Flag("--exit-timeout-secs", _PARSER),
    Flag("--pinned-memory-pool-byte-size", _PARSER),
    Flag("--model-load-gpu-limit", _PARSER),
)

MANAGED_VLLM_FLAGS = frozenset(flag.name for flag in VLLM)
"""Flags that a profile's extraArgs may not set."""


def flag_of(argument: str) -> str:
    """Return the flag of an argument such as --name=value."""
    return argument.partition("=")[0]
