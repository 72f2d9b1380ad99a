"""The bearer token of a language model, from a file that may change at any time."""

from dataclasses import dataclass, field
from pathlib import Path

from switchboard_agent.llm.base import Failure, LanguageModelError
from switchboard_agent.secret_file import SecretFile, SecretFileError


@dataclass(slots=True)
class KeyFile:
    """One token."""

    path: Path
    _file: SecretFile = field(init=False)

    def __post_init__(self) -> None:
        self._file = SecretFile(self.path)

    def token(self) -> str:
        """The token as it is now. Raises `LanguageModelError`."""
        try:
            return self._file.read()
        except SecretFileError as error:
            detail = f"the key {error}"
            raise LanguageModelError(Failure.UNAUTHORIZED, detail) from error
