"""A whole base in one JSON file, that can be kept, sent, and compared with another: each file of the folder with its text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import orjson

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.loader import read_base
from pertimage.guidelines.source import Fault, GuidelineError

KINDS = frozenset((".yaml", ".csv", ".txt"))


def archive(directory: Path) -> bytes:
    """Return the files of a base as one JSON object; the same base gives the same bytes."""
    files = {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8") for path in directory.rglob("*") if path.suffix in KINDS
    }
    return orjson.dumps({"referentiel": 1, "fichiers": files}, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@contextmanager
def unpacked(place: Path) -> Iterator[Path]:
    """Yield the folder of a base: the one given, or that of an archive, in a temporary place."""
    if place.is_dir():
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="pertimage-") as folder:
        for name, text in _files(place).items():
            path = Path(folder, *PurePosixPath(name).parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Path(folder)


def _files(place: Path) -> dict[str, str]:
    """Return the files of an archive; raises GuidelineError on what is not one, or would write elsewhere."""
    try:
        files = orjson.loads(place.read_bytes())["fichiers"]
        wrong = [
            name
            for name in files
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or PurePosixPath(name).suffix not in KINDS
        ]
    except OSError as error:
        raise GuidelineError([Fault(str(place), 0, f"illisible : {error.strerror}")]) from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise GuidelineError([Fault(str(place), 0, "ni un dossier ni une archive du référentiel")]) from None
    if wrong or not all(isinstance(text, str) for text in files.values()):
        raise GuidelineError([Fault(str(place), 0, f"archive refusée : {', '.join(wrong) or 'contenu inattendu'}")])
    return dict(files)


def read_folder(folder: Path) -> GuidelineBase:
    """Return the base of a folder; raises GuidelineError with every fault found."""
    base, faults = read_base(folder)
    if faults or base is None:
        raise GuidelineError(faults)
    return base
