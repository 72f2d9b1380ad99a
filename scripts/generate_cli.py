"""Write docs/reference/cli.md from the commands of `switchboard`."""

from pathlib import Path

from switchboard_cli.reference import text

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
