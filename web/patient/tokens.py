"""The token that opens a patient page: derived from the secret of the service, kept nowhere, known again by its digest.

A token is HMAC-SHA256 of the request and of the end of its validity, 256 bits: without the secret, knowing the whole database does not
give one. The digests under which the link and the answers are kept are not the same: the second does not lead to the first.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def token_of(secret: str, request: str, expires_at: str) -> str:
    """Return the token of a request that ends at an instant (UTC text): 43 characters that an address can hold."""
    message = "\x1f".join(("patient-page", request, expires_at)).encode()
    return base64.urlsafe_b64encode(hmac.new(secret.encode(), message, sha256).digest()).rstrip(b"=").decode()


def is_token(text: str) -> bool:
    """Say whether a text has the shape of a token."""
    return _TOKEN.fullmatch(text) is not None


def link_digest(token: str) -> str:
    """Return the digest under which the link of a token is kept."""
    return _digest("link", token)


def answer_key(token: str) -> str:
    """Return the key under which the answers given with a token are kept."""
    return _digest("answer", token)


def _digest(use: str, token: str) -> str:
    return sha256(f"patient-page\x1f{use}\x1f{token}".encode()).hexdigest()
