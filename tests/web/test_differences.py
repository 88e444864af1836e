"""What changes from one version of the guidelines to the next, said in French."""

from __future__ import annotations

import orjson
import pytest

from pertimage.guidelines.source import GuidelineError
from pertimage.web.archive import archive, read_folder, unpacked
from pertimage.web.differences import Differences
from tests.web.drafts import SHEET, rewritten, small_base, untouched, without_emergencies
from tests.web.test_cli import run
from tests.web.test_rejudgement import MRI_INDICATED, MRI_NOT_INDICATED


@pytest.fixture(scope="module")
def old_folder():
    """Give the folder of a small base."""
    return untouched()[0]


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory):
    """Give a version where a rule, a red flag, a source, the lexicon, the catalogue and the sheets changed."""
    folder = small_base(tmp_path_factory.mktemp("nouveau") / "base")
    rewritten(folder, MRI_NOT_INDICATED, MRI_INDICATED)
    rewritten(folder, "statut: brouillon", "statut: relu")
    without_emergencies(folder)
    (folder / "lexique" / "zzz.yaml").write_text("zorglubite: {libelle: zorglubite, termes: [zorglubite, zorglub]}\n", encoding="utf-8")
    added = (
        (folder / SHEET)
        .read_text(encoding="utf-8")
        .replace("id: lombalgie-commune", "id: autre-fiche", 1)
        .replace("titre: ", "titre: Autre, ", 1)
    )
    (folder / SHEET.replace("lombalgie-commune", "autre-fiche")).write_text(added, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def old():
    """Give the small base."""
    return untouched()[1]


@pytest.fixture(scope="module")
def new(new_folder):
    """Give the new version."""
    return read_folder(new_folder)


def by_kind(*sides):
    """Return what changes, by kind."""
    return {section.title: section.lines for section in Differences(*sides).sections()}


@pytest.fixture(scope="module")
def sections(old, new, old_folder, new_folder):
    """Give what changes, by kind."""
    return by_kind(old, new, old_folder, new_folder)


def test_an_answer_that_changes_says_for_whom_and_from_what_to_what(sections):
    """The rule is said in words, with the exam and both answers."""
    said = [line for line in sections["Avis"] if "moins de 3 mois" in line and "IRM du rachis lombaire passe de" in line]
    assert len(said) == 1
    assert said[0].endswith("passe de « pas d'imagerie utile à ce stade » à « pertinent »")


def test_every_kind_of_change_is_told(sections):
    """Sheets, their state, pathways, red flags, lexicon and vignettes each have their lines, and nothing else does."""
    assert sections["Fiches ajoutées"][0].startswith("Autre, Lombalgie commune")
    assert any("brouillon → relue" in line for line in sections["Fiches fermées, ouvertes ou relues"])
    assert any("n'est plus un signe d'alerte (urgences)" in line for line in sections["Signes d'alerte"])
    assert next(iter(sections)) == "Circuit des urgences"
    assert all(line.endswith(": n'envoie plus aux urgences") for line in sections["Circuit des urgences"])
    assert sections["Lexique"] == ["1 fait ajouté : zorglubite", "2 mots ajoutés, 0 retiré"]
    assert set(sections).isdisjoint({"Sources", "Catalogue d'examens", "Fiches retirées du référentiel"})


def test_vignettes_that_lose_their_emergency_come_first(sections):
    """Among the vignettes that change, those no longer sent to the emergency department lead."""
    moved = sections["Vignettes qui ne reçoivent plus le même avis"]
    lost = ["+ urgences" in line.split(" → ")[0] and "+ urgences" not in line.split(" → ")[1] for line in moved]
    assert any(lost)
    assert lost == sorted(lost, reverse=True)


def test_the_other_way_round_says_the_opposite(old, new, old_folder, new_folder):
    """From new to old, what was added is withdrawn."""
    found = {
        one.title: one.lines for one in Differences(read_folder(new_folder), read_folder(old_folder), new_folder, old_folder).sections()
    }
    assert found["Fiches retirées du référentiel"][0].startswith("Autre, Lombalgie commune")
    assert any("devient un signe d'alerte (urgences)" in line for line in found["Signes d'alerte"])


def test_sources_and_population_are_compared(old, old_folder, tmp_path):
    """A source of another year and another age are told."""
    folder = rewritten(small_base(tmp_path / "base"), "annee: 2019", "annee: 2027")
    text = (folder / SHEET).read_text(encoding="utf-8")
    (folder / SHEET).write_text(text.replace("age: {min: 18}", "age: {min: 16}", 1), encoding="utf-8")
    found = by_kind(old, read_folder(folder), old_folder, folder)
    assert any("2019" in line and "2027" in line for line in found["Sources"])
    assert any("dès 18 ans → dès 16 ans" in line for line in found["À qui les fiches s'appliquent"])


def test_an_archive_is_the_base(old, old_folder, tmp_path):
    """The base read from its archive has the same version; the archive of the same base is the same bytes."""
    path = tmp_path / "base.json"
    path.write_bytes(archive(old_folder))
    with unpacked(path) as folder:
        assert read_folder(folder).version == old.version
        assert archive(folder) == path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [{"fichiers": {"../hors-du-dossier.yaml": ""}}, {"fichiers": {"/etc/x.yaml": ""}}, {"fichiers": {"x.py": ""}}, {"autre": 1}, [1]],
)
def test_an_archive_cannot_write_elsewhere(content, tmp_path):
    """A path that leaves the folder, code, or anything that is not an archive is refused."""
    path = tmp_path / "base.json"
    path.write_bytes(orjson.dumps(content))
    with pytest.raises(GuidelineError), unpacked(path):
        pass


def test_the_same_version_twice_changes_nothing(old, old_folder):
    """Nothing is told of a base held against itself."""
    assert by_kind(old, old, old_folder, old_folder) == {}


def test_the_command_compares_a_folder_and_an_archive(old_folder, new_folder, tmp_path):
    """Either form will do."""
    packed = tmp_path / "ancien.json"
    packed.write_bytes(run("guidelines", "archive", "--dossier", old_folder).stdout)
    done = run("guidelines", "diff", packed, new_folder)
    assert done.returncode == 0, done.stderr.decode()
    assert "Signes d'alerte (" in done.stdout.decode()
