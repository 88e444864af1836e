"""The scoreboard: agreement over labelled requests, missed emergencies first."""

from __future__ import annotations

import orjson
import pytest

from pertimage.guidelines.loader import load_base
from pertimage.web import labelled
from pertimage.web.score import Score
from tests.web.test_cli import run
from tests.web.test_hooks import order

BASE = load_base()
CALM = "lumbago depuis 5 j, pas de déficit, apyrétique"
GRAVE = "lombosciatique depuis hier, ne peut plus uriner, anesthésie en selle"
EXAM = "IRM lombaire"


def scored(tmp_path, text, name="lettres.yaml"):
    """Score a labelled file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    found, faults = Score(BASE), []
    for entry in labelled.of_file(path):
        if isinstance(entry, labelled.Unreadable):
            faults.append(entry.error)
        else:
            found.add(entry)
    return found, faults


def letter(text, expected, more=""):
    """Return a letter as YAML."""
    return f'- {{texte: "{text}", examen: "{EXAM}", age: 40, attendu: {expected}{more}}}\n'


def test_each_disagreement_goes_where_it_belongs(tmp_path):
    """A missed emergency, a false one and another disagreement are three lists; both pathways of « libre » are right."""
    found, faults = scored(
        tmp_path,
        letter(CALM, "{avis: not-indicated, circuit: urgences}")
        + letter(GRAVE, "{avis: appropriate, circuit: null}")
        + letter(CALM, "{avis: appropriate}")
        + letter(GRAVE, "{avis: [appropriate, alternative], circuit: libre}")
        + letter(CALM, "{avis: not-indicated}"),
    )
    assert faults == []
    assert [one.asked.place for one in found.missed] == ["lettres-1"]
    assert [one.asked.place for one in found.false_emergencies] == ["lettres-2"]
    assert [one.asked.place for one in found.others] == ["lettres-3"]
    assert (found.total, found.right) == (5, 2)
    assert found.confusion["appropriate", "not-indicated"] == 1
    report = "\n".join(found.report())
    assert report.startswith("URGENCES MANQUÉES : 1")
    assert report.index("lettres-1") < report.index("Urgences à tort") < report.index("Autres désaccords")


def test_an_expected_failure_counts_apart(tmp_path):
    """A request that waits for clinical advice changes neither the agreement nor the missed emergencies."""
    found, _ = scored(tmp_path, letter(CALM, "{avis: appropriate, circuit: urgences}", ", xfail: en attente d'avis"))
    assert (found.total, found.missed, len(found.doubtful)) == (0, [], 1)
    assert found.to_json()["xfail"] == {"total": 1, "right": 0, "missed_emergencies": 1}


def test_tables_and_ndjson_are_labelled_files_too(tmp_path):
    """A table says its answers in columns, in French or in codes; NDJSON holds letters or FHIR with « attendu »."""
    table = f"texte;examen;age;avis;circuit\n{CALM};{EXAM};40;not-indicated;\n{CALM};{EXAM};40;appropriate|not-indicated;\n"
    found, faults = scored(tmp_path, table, "lettres.csv")
    assert (faults, found.right) == ([], 2)
    lines = [
        {"texte": CALM, "examen": EXAM, "attendu": {"avis": "not-indicated"}},
        order(CALM, EXAM) | {"attendu": {"avis": "pas d'imagerie utile à ce stade"}},
    ]
    found, faults = scored(tmp_path, "\n".join(orjson.dumps(line).decode() for line in lines), "lettres.ndjson")
    assert (faults, found.right) == ([], 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "- {texte: x}"),
        ("a.yaml", "pas: une liste"),
        ("a.yaml", "- {texte: [x, attendu"),
        ("a.yaml", letter(CALM, "{avis: peut-être}")),
        ("a.yaml", letter(CALM, "{avis: appropriate, circuit: demain}")),
        ("a.ndjson", "{pas du json"),
        ("a.csv", "colonne\nx\n"),
        ("a.csv", f"texte;examen;avis\n{CALM};{EXAM};\n"),
    ],
)
def test_a_bad_label_is_said_and_not_counted(tmp_path, name, text):
    """What cannot be read is a sentence, never an exception nor a right answer."""
    found, faults = scored(tmp_path, text, name)
    assert (found.total, len(faults)) == (0, 1)
    assert faults[0]


def test_the_command_fails_on_a_missed_emergency_only(tmp_path):
    """Exit code 1 and the request first; another disagreement is told without failing."""
    path = tmp_path / "lettres.yaml"
    path.write_text(letter(CALM, "{avis: appropriate}"), encoding="utf-8")
    assert run("guidelines", "score", path).returncode == 0
    path.write_text(letter(CALM, "{avis: appropriate}") + letter(CALM, "{avis: not-indicated, circuit: urgences}"), encoding="utf-8")
    done = run("guidelines", "score", path)
    assert done.returncode == 1
    assert done.stdout.decode().startswith("URGENCES MANQUÉES : 1\n  lettres-2 :")


def test_the_command_scores_every_vignette_of_the_sheets():
    """Without a file, the vignettes of the sheets are scored; none is left out."""
    done = run("guidelines", "score", "--json")
    told = orjson.loads(done.stdout)
    assert done.returncode == 0
    assert told["total"] == sum(len(sheet.form.vignettes) for sheet in BASE.sheets.values())
    assert told["missed_emergencies"] == []
