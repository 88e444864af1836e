"""The compiled base kept on the disk: compiling reads thousands of words, opening what was compiled takes a fraction of that.

The copy is named after the digest of everything it was made from: the base's files, this package's code, Python. It lives in the
user's cache folder (``PERTIMAGE_CACHE``, else ``XDG_CACHE_HOME/pertimage``, else ``~/.cache/pertimage``), is the user's only, and is
opened only if so: its format, pickle, runs code. Without a folder to write in, the base is compiled each time.
"""

from __future__ import annotations

import copyreg
import hashlib
import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pertimage.guidelines.base import GuidelineBase

KEPT = 4  # copies, the oldest go
_CODE = Path(__file__).parent

log = logging.getLogger("pertimage")


def opened(directory: Path, compile_base: Callable[[], GuidelineBase]) -> GuidelineBase:
    """Return the base of a folder: the copy compiled earlier from the same files, else compiled now and kept."""
    folder = _folder()
    path = folder / f"base-{_digest(directory)}.pickle" if folder else None
    if path is not None and (found := _read(path)) is not None:
        return found
    base = compile_base()
    if path is not None:
        _keep(path, base)
    return base


def _folder() -> Path | None:
    """Return the cache folder, the user's only; None when there cannot be one."""
    given = os.environ.get("PERTIMAGE_CACHE")
    try:
        root = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pertimage"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return root if _is_ours(root) and os.access(root, os.W_OK) else None
    except (OSError, RuntimeError):  # RuntimeError: this user has no home
        return None


def _is_ours(path: Path) -> bool:
    """Say whether nobody else could have written there."""
    found = path.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _digest(directory: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in [*sorted(directory.rglob("*.*")), *sorted(_CODE.glob("*.py"))]:
        if path.is_file():
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def _read(path: Path) -> GuidelineBase | None:
    try:
        if not _is_ours(path):
            return None
        found = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, in a folder that is ours only
    except FileNotFoundError:
        return None
    except Exception as failure:
        log.warning("the compiled base could not be opened: %s", type(failure).__name__)
        return None
    return found if isinstance(found, GuidelineBase) else None


def _keep(path: Path, base: GuidelineBase) -> None:
    """Write a copy in one move, so that nobody opens half of it, and remove the oldest ones."""
    try:
        content = pickle.dumps(base, protocol=5)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:  # mode 0600
            part.write(content)
        os.replace(part.name, path)
        copies = sorted(path.parent.glob("base-*.pickle"), key=lambda copy: copy.stat().st_mtime, reverse=True)
        for old in copies[KEPT:]:
            old.unlink(missing_ok=True)
    except (OSError, pickle.PicklingError) as failure:
        log.warning("the compiled base could not be kept: %s", type(failure).__name__)


def frozen(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """Return a mapping that cannot change."""
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda mapping: (frozen, (dict(mapping),)))
