"""Describing sites: every fault with its line, nothing kept when there is one, distances as the crow flies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.places import Place, read_places
from tests.project import ROOT

GUIDE = (Path(ROOT) / "docs" / "territoire.md").read_text(encoding="utf-8")
HEAD = "id;nom;commune;code_postal;techniques"


def place(**more) -> Place:
    """Return a site."""
    return Place.model_validate({"id": "a", "nom": "A", "commune": "Foix", "code_postal": "09000", "techniques": ["IRM"]} | more)


def faults(text: str, name: str = "sites.csv") -> list[str]:
    """Return what is said against a file; it then gives no place."""
    places, found = read_places(text.encode(), name)
    assert bool(found) is (places == [])
    return [str(one) for one in found]


def test_the_example_of_the_guide_is_read():
    """What the guide shows imports as it is."""
    (example,) = re.findall(r"```csv\n(.*?)```", GUIDE, re.DOTALL)
    places, found = read_places(example.encode("cp1252", "replace"), "sites.csv")
    assert found == []
    assert [str(one) for one in places[0].techniques] == ["DX", "US", "CT", "MR"]
    assert (places[0].latitude, places[0].equipment) == (42.97, ["IRM 1,5 T à tunnel large", "scanner 64 barrettes"])
    assert (places[1].languages, places[1].longitude, places[1].equipment) == (["fr"], None, [])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"{HEAD}\na;A;Foix;9000;IRM", 2, "code_postal"),
        (f"{HEAD}\na;A;Foix;09000;IRM\na;B;Foix;09000;IRM", 3, "déjà donné ligne 2"),
        (f"{HEAD}\na;A;Foix;09000;IRN", 2, "technique inconnue « IRN »"),
        (f"{HEAD}\na;A;Foix;09000;", 2, "« techniques » manque"),
        (f"{HEAD}\na b;A;Foix;09000;IRM", 2, "id :"),
        (f"{HEAD};latitude\na;A;Foix;09000;IRM;123", 2, "entre -90 et 90"),
        (f"{HEAD};latitude\na;A;Foix;09000;IRM;nord", 2, "latitude"),
        (f"{HEAD};acces\na;A;Foix;09000;IRM;ascenseur", 2, "accès inconnu(e) « ascenseur »"),
        (f"{HEAD};langues\na;A;Foix;09000;IRM;klingon", 2, "langue inconnu(e) « klingon »"),
        (f"{HEAD};ville\na;A;Foix;09000;IRM;x", 1, "colonne inconnue « ville »"),
        (f"{HEAD};nom\na;A;Foix;09000;IRM;x", 1, "deux fois"),
        (f"{HEAD}\na;A;Foix;09000;IRM;de trop", 2, "plus de cellules"),
        (f'{HEAD}\na;"A;Foix;09000;IRM', 2, "guillemets"),
        (HEAD, 0, "aucun site"),
        ("", 0, "aucun site"),
        ("\0", 0, "octet nul"),
    ],
)
def test_each_fault_names_its_line(text, line, words):
    """A radiographer knows what to write, and where."""
    (said,) = faults(text)
    assert words in said
    assert (f"ligne {line} " in said) is (line > 0)


def test_all_faults_are_told_at_once():
    """Nothing is imported, and every line is told."""
    assert len(faults(f"{HEAD}\na;A;Foix;1;IRM\nb;;Foix;09000;IRM\nc;C;Foix;09000;x\nd;D;Foix;09000;IRM")) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nom: A", "une liste de sites"),
        ("- x", "un site s'écrit"),
        ("- {id: a, nom: A, commune: Foix, code_postal: '09000', techniques: [IRM], prix: 3}", "clé inconnue « prix »"),
        ("- {id: a", "YAML illisible"),
        ("[" * 5000 + "]" * 5000, "sites.yaml"),
    ],
)
def test_yaml_faults(text, words):
    """The same in YAML."""
    assert any(words in one for one in faults(text, "sites.yaml"))


def test_a_postcode_that_yaml_reads_as_a_number_is_told():
    """« 01000 » without quotes is octal or loses its zero: what is no postcode is refused, not guessed."""
    assert faults("- {id: a, nom: A, commune: Bourg, code_postal: 1000, techniques: [IRM]}", "sites.yaml")


def test_distances_are_those_of_the_sphere():
    """Foix to Toulouse is 72 km as the crow flies; a site is at 0 km of itself; without coordinates nothing is said."""
    foix, toulouse = place(latitude=42.9653, longitude=1.6067), place(latitude=43.6047, longitude=1.4442)
    assert foix.distance_to(toulouse) == pytest.approx(72.3, abs=0.3)
    assert foix.distance_to(foix) == pytest.approx(0.0)
    assert foix.distance_to(place()) is None
    assert place(latitude=0, longitude=0).distance_to(place(latitude=0, longitude=180)) == pytest.approx(20015.1, abs=0.1)


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.yaml"]))
def test_no_file_makes_it_fall(content, name):
    """Whatever the file, places or faults."""
    places, found = read_places(content, name)
    assert places or found
