"""Regular expressions over folded French, and the lengths of its units of time."""

from __future__ import annotations

import re

# By the first letter of the unit. A month counts four weeks and a year twelve such months, so that « 12 semaines » and « 3 mois »
# fall on the same side of a threshold.
DAYS = {"t": 84.0, "j": 1.0, "s": 7.0, "m": 28.0, "a": 336.0, "h": 1 / 24}


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which a space stands for any white space (in a class or a look-behind: for one).

    No more than nine in a row: unbounded runs would be tried again at each of their places.
    """
    spaced = re.sub(r"(\[[^\]]*\]|\(\?<[!=][^)]*\))| ", lambda found: found.group(1) or r"\s{1,9}", pattern)
    return re.compile(spaced.replace(r"\s*", r"\s{0,9}"))
