"""What the worker's image leaves out, no recogniser opens."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OPENED = ("en-us/en-us.lm.bin", "en-us/cmudict-en-us.dict")


def _removed() -> list[str]:
    """Return the patterns of files that the image's build deletes."""
    text = (ROOT / "agent/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [word for found in re.findall(r"rm -f ([^&]+)", text) for word in found.split()]


@pytest.mark.parametrize("opened", OPENED)
def test_the_image_keeps_what_the_recogniser_opens(opened: str) -> None:
    assert _removed()
    assert not any(fnmatch(f"pocketsphinx/model/{opened}", pattern) for pattern in _removed())


def test_the_list_is_what_the_recogniser_opens() -> None:
    sources = (ROOT / "agent/switchboard_agent/stt").glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert set(re.findall(r'get_model_path\("([^"]+)"\)', text)) == set(OPENED)
