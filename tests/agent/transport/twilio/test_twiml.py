"""What Twilio is told, to the letter."""

from switchboard_agent.transport.twilio import twiml

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def test_documents() -> None:
    assert twiml.connect("wss://h/s", "token", 'a"<&', "https://h/after?a=1&b=2") == (
        HEAD + '<Response><Connect><Stream url="wss://h/s">'
        '<Parameter name="token" value="a&quot;&lt;&amp;" /></Stream></Connect>'
        '<Redirect method="POST">https://h/after?a=1&amp;b=2</Redirect></Response>'
    )
    assert twiml.redirect("https://h/voice?try=1") == (
        HEAD + '<Response><Redirect method="POST">https://h/voice?try=1</Redirect></Response>'
    )
    assert twiml.reject() == HEAD + '<Response><Reject reason="busy" /></Response>'
    assert twiml.hang_up() == HEAD + "<Response><Hangup /></Response>"
    assert twiml.apologise("Sorry & bye.") == (
        HEAD + "<Response><Say>Sorry &amp; bye.</Say><Hangup /></Response>"
    )
