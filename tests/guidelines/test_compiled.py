"""The compiled copy of the base: faster, never different, never trusted when somebody else could have written it."""

from __future__ import annotations

import pickle
import shutil
from datetime import date
from pathlib import Path

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.guidelines import compiled
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.compiled import KEPT, opened
from pertimage.guidelines.loader import DATA, read_base

BASE, _ = read_base()
assert BASE is not None
SIGNED = date(2026, 11, 22)


class Forbidden:
    """A value whose pickle would run code when opened."""

    def __reduce__(self) -> tuple[object, ...]:
        """Raise when it is opened."""
        return exec, ("raise SystemExit('opened')",)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the base's files: somebody may be writing a sheet while the tests run."""
    folder = tmp_path_factory.mktemp("base") / "data"
    shutil.copytree(DATA, folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a cache folder of our own."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("PERTIMAGE_CACHE", str(folder))
    return folder


def never() -> GuidelineBase:
    """Fail: the copy was to be opened."""
    pytest.fail("the base was compiled again")


def ours() -> GuidelineBase:
    """Return the base compiled here."""
    assert BASE is not None
    return BASE


def test_the_copy_judges_like_the_base_it_was_made_from(cache: Path, data: Path) -> None:
    """The vignettes of one sheet in five get the same bytes from the base opened as from the base compiled."""
    opened(data, ours)
    copy = opened(data, never)
    assert copy is not BASE
    assert copy.version == ours().version
    for sheet in list(ours().sheets.values())[::5]:
        for number, vignette in enumerate(sheet.form.vignettes):
            request = ImagingRequest(f"r{number}", vignette.exam or "", texts=(TextPart("reasonCode", vignette.text),), authored=SIGNED)
            assert [one.to_json() for one in assess(request, copy)] == [one.to_json() for one in assess(request, ours())]


def test_a_file_changed_is_compiled_again(cache: Path, data: Path, tmp_path: Path) -> None:
    """One letter changed in a sheet makes another copy."""
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    opened(folder, ours)
    changed = next(folder.glob("fiches/*/*.yaml"))
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# relu\n", encoding="utf-8")
    again = []
    opened(folder, lambda: again.append(True) or ours())  # type: ignore[func-returns-value]
    assert again == [True]


def test_a_copy_that_others_could_have_written_is_not_opened(cache: Path, data: Path) -> None:
    """A copy writable by others, or in a folder writable by others, is compiled over instead of opened."""
    opened(data, ours)
    (copy,) = cache.glob("base-*.pickle")
    copy.write_bytes(pickle.dumps(Forbidden()))
    copy.chmod(0o666)
    assert opened(data, ours) is BASE
    (copy,) = cache.glob("base-*.pickle")
    assert copy.stat().st_mode & 0o777 == 0o600
    cache.chmod(0o777)
    assert opened(data, ours) is BASE


def test_a_broken_copy_is_compiled_over(cache: Path, data: Path) -> None:
    """Half a file, or a pickle of something else, costs one compilation and no more."""
    opened(data, ours)
    (copy,) = cache.glob("base-*.pickle")
    for content in (copy.read_bytes()[:1000], pickle.dumps("rien"), b""):
        copy.write_bytes(content)
        assert opened(data, ours) is BASE
        assert opened(data, never).version == ours().version


def test_without_a_folder_to_write_in_the_base_is_compiled(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    """A cache folder that cannot exist changes nothing but speed."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PERTIMAGE_CACHE", str(tmp_path / "file" / "cache"))
    assert opened(data, ours) is BASE


def test_old_copies_go(cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder holds the last few copies only."""
    for number in range(KEPT + 3):
        monkeypatch.setattr(compiled, "_digest", lambda _, number=number: f"{number}")
        opened(data, ours)
    assert len(list(cache.iterdir())) == KEPT
