"""What can go wrong in a load test, each with its remedy."""


class LoadTestError(Exception):
    """A load test could not run or could not be read.

    `reason` says what happened, `remedy` what to do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason
        self.remedy = remedy


class ToolMissingError(LoadTestError):
    """A program that a load test starts is not installed."""

    def __init__(self, tool: str, package: str) -> None:
        super().__init__(
            f"the program {tool} was not found on PATH",
            f"install the Debian package {package} (apt-get install {package})",
        )


class CallerScriptError(LoadTestError):
    """A caller script does not make sense."""


class SippError(LoadTestError):
    """SIPp ended in a way that leaves nothing to measure."""
