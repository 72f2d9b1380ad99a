from pathlib import Path

from switchboard_cli.reference import text

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_about_the_command_is_that_of_the_command() -> None:
    assert _PAGE.read_text("utf-8") == text(), "run scripts/generate"
