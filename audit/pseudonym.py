"""Pseudonyms: keyed hashes that only the holder of the key can recompute, and age bands.

HMAC-SHA256 cut to 128 bits (32 hexadecimal characters). Each kind of identifier has its own domain, so that the same number
used for a patient and for a prescriber gives two pseudonyms. The key lives in the settings, apart from the data.
"""

from __future__ import annotations

import hmac
from bisect import bisect_right

MINIMUM_KEY_BYTES = 16
_LENGTH = 32
_BAND_STARTS = (0, 5, 15, 18, 30, 40, 50, 60, 70, 80)


class Pseudonyms:
    """Make pseudonyms with one secret key; raise ValueError when it is shorter than 16 bytes."""

    def __init__(self, key: bytes | str) -> None:
        self._key = key.encode() if isinstance(key, str) else key
        if len(self._key) < MINIMUM_KEY_BYTES:
            raise ValueError(f"the pseudonym key needs at least {MINIMUM_KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return "Pseudonyms(key=…)"

    def patient(self, identifier: str) -> str:
        """Return the pseudonym of a patient; the identifier should say its system (``INS|1 84 …``, ``site|IPP``)."""
        return self._hash("patient", identifier)

    def prescriber(self, identifier: str) -> str:
        """Return the pseudonym of a prescriber (RPPS number, login…)."""
        return self._hash("prescriber", identifier)

    def accession(self, site: str, number: str) -> str:
        """Return the pseudonym of an exam number, which means something only within its site."""
        return self._hash("accession", number, site)

    def word(self, text: str) -> str:
        """Return the pseudonym of a word of a site (the code or the label of an exam), which is not kept as it is written."""
        return self._hash("word", text)

    def fingerprint(self) -> str:
        """Return what tells this key from another, and leads to neither."""
        return self._hash("key", "fingerprint")

    def _hash(self, domain: str, identifier: str, context: str = "") -> str:
        compact = "".join(identifier.split())
        if not compact:
            raise ValueError(f"empty {domain} identifier")
        message = "\x1f".join((domain, context, compact)).encode()
        return hmac.digest(self._key, message, "sha256").hex()[:_LENGTH]


def age_band(age: float | None) -> str | None:
    """Return the band of an age in years (``0-4``, ``5-14``, ``15-17``, ``18-29``, then by ten, ``80+``); None stays None.

    Raises ValueError for an age under 0 or over 130.
    """
    if age is None:
        return None
    if not 0 <= age <= 130:
        raise ValueError(f"not an age in years: {age}")
    return _band(bisect_right(_BAND_STARTS, age) - 1)


def _band(index: int) -> str:
    start = _BAND_STARTS[index]
    return f"{start}+" if index == len(_BAND_STARTS) - 1 else f"{start}-{_BAND_STARTS[index + 1] - 1}"


AGE_BANDS = frozenset(map(_band, range(len(_BAND_STARTS))))
