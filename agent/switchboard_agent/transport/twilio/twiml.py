"""What Twilio is told to do with a call: TwiML, the few verbs that are needed."""

from xml.etree import ElementTree as ET


def connect(stream_url: str, name: str, value: str, afterwards: str) -> str:
    """Stream the call to us; ask again at `afterwards` when the socket has been closed."""
    response = ET.Element("Response")
    stream = ET.SubElement(ET.SubElement(response, "Connect"), "Stream", url=stream_url)
    ET.SubElement(stream, "Parameter", name=name, value=value)
    ET.SubElement(response, "Redirect", method="POST").text = afterwards
    return _text(response)


def redirect(url: str) -> str:
    """Ask again elsewhere; a call that was not answered stays so."""
    response = ET.Element("Response")
    ET.SubElement(response, "Redirect", method="POST").text = url
    return _text(response)


def reject() -> str:
    """Let the caller hear busy; the call is not answered and costs nothing."""
    response = ET.Element("Response")
    ET.SubElement(response, "Reject", reason="busy")
    return _text(response)


def apologise(words: str) -> str:
    """Say a sentence and hang up: for a call that was answered already."""
    response = ET.Element("Response")
    ET.SubElement(response, "Say").text = words
    ET.SubElement(response, "Hangup")
    return _text(response)


def hang_up() -> str:
    """End the call."""
    response = ET.Element("Response")
    ET.SubElement(response, "Hangup")
    return _text(response)


def _text(response: ET.Element) -> str:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return declaration + ET.tostring(response, encoding="unicode")
