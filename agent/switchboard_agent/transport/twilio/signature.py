"""Whether a request comes from Twilio: its signature over URL and form, by the account's token.

The URL is the one that Twilio called, which behind an Ingress is not the one that arrives: it is
made from the line's public URL. Twilio signs with or without the port of the scheme, so both are
tried.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"

_DEFAULT_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}

Form = Sequence[tuple[str, str]]
"""Fields in the order they came; a name may come several times."""


def sign(token: str, url: str, form: Form) -> str:
    """Return the signature: HMAC-SHA1 of the URL and all fields, in order, each once."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(token: str, url: str, form: Form, signature: str) -> bool:
    """Tell whether a signature is right."""
    given = signature.encode(errors="replace")
    return any(
        hmac.compare_digest(sign(token, variant, form).encode(), given)
        for variant in _variants(url)
    )


def _variants(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", _DEFAULT_PORTS.get(parts.scheme)
    if parts.port is None and port is not None:
        return url, urlunsplit(parts._replace(netloc=f"{host}:{port}"))
    if parts.port == port:
        return url, urlunsplit(parts._replace(netloc=host))
    return (url,)
