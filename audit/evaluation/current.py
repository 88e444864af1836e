"""The evaluation of a store by the calendar in force; as a process of its own, since it takes seconds to minutes and all of a core.

``python -m pertimage.audit.evaluation.current`` reads the order as JSON on its standard input and writes the evaluation, pickled, on
its output: only who started it reads it.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass

from sqlalchemy import Engine

from pertimage.audit.evaluation.evaluate import Evaluation, evaluate
from pertimage.audit.evaluation.exams import read_exams
from pertimage.audit.programme import Entry
from pertimage.audit.programme_register import calendar_of, events_of, go_lives
from pertimage.audit.store import open_store

LONGEST_SECONDS = 1_800
_NICE = 10


class NotEvaluatedError(Exception):
    """The evaluation could not be made."""


@dataclass(frozen=True, slots=True)
class Current:
    """An evaluation and the calendar that it rests on."""

    evaluation: Evaluation
    entries: tuple[Entry, ...]


def entries_in_force(engine: Engine) -> tuple[Entry, ...]:
    """Return the calendar in force, then the sites that it does not name and that declare a go-live."""
    in_force = calendar_of(engine).entries
    named = {entry.site for entry in in_force}
    return (*in_force, *(Entry(site, on_from=day) for site, day in sorted(go_lives(engine).items()) if site not in named))


def evaluated_apart(url: str, *, fictitious: bool) -> Current:
    """Return the evaluation of the store at an address, made by another process at a low priority; raises NotEvaluatedError."""
    order = json.dumps({"url": url, "fictitious": fictitious}).encode()
    try:
        done = subprocess.run([sys.executable, "-m", __name__], input=order, stdout=subprocess.PIPE, timeout=LONGEST_SECONDS, check=True)  # noqa: S603 - our own program
    except (OSError, subprocess.SubprocessError) as failure:
        raise NotEvaluatedError(type(failure).__name__) from None
    found = pickle.loads(done.stdout)  # noqa: S301 - written by the process just started
    if not isinstance(found, Current):
        raise NotEvaluatedError("unexpected answer")
    return found


def evaluated(url: str, *, fictitious: bool) -> Current:
    """Return the evaluation of the store at an address, whose schema is up to date."""
    store = open_store(url, migrate=False)
    try:
        entries = entries_in_force(store.reader)
        return Current(evaluate(read_exams(store, fictitious=fictitious), entries, events_of(store.reader)), entries)
    finally:
        store.close()


def main() -> None:
    """Serve one order."""
    os.nice(_NICE)
    answer = evaluated(**json.loads(sys.stdin.buffer.read()))
    # Loaded as a program, the class is __main__'s: the other side knows it by the name of its module.
    from pertimage.audit.evaluation.current import Current as Known

    sys.stdout.buffer.write(pickle.dumps(Known(answer.evaluation, answer.entries)))


if __name__ == "__main__":
    main()
