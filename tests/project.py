"""The tree under test: its root, its files, its five folders."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("audit", "cds", "fhir", "guidelines", "web")
_MADE_BY_COMMANDS = set(
    ".git .hypothesis .mypy_cache .pytest_cache .ruff_cache .venv .venv-oracle __pycache__ build dist node_modules var".split()
)


@cache
def project_files() -> tuple[str, ...]:
    """Return the project's files, relative to its root: those that git knows or would add; without git, all but the by-products."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = _walk()
    return tuple(sorted(name for name in listed if name and os.path.lexists(ROOT / name)))


def _walk() -> list[str]:
    found: list[str] = []
    for folder, subfolders, names in os.walk(ROOT):
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        subfolders[:] = [name for name in subfolders if name not in links and not _is_by_product(name)]
        found.extend(str((Path(folder) / name).relative_to(ROOT)) for name in (*names, *links) if not name.endswith(".pyc"))
    return found


def _is_by_product(folder: str) -> bool:
    return folder in _MADE_BY_COMMANDS or folder.endswith(".egg-info")


def read_text(name: str) -> str | None:
    """Return the content of a text file of the project, None for an image or another binary file."""
    path = ROOT / name
    if path.is_symlink() or not path.is_file():
        return None
    content = path.read_bytes()
    return None if b"\0" in content else content.decode()
