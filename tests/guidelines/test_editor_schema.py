"""The JSON Schemas that editors use: true to the forms, up to date, in French."""

import json

import jsonschema_rs
import pytest
import yaml

from pertimage.guidelines.editor_schema import FORMS, editor_schema, unexplained
from pertimage.guidelines.loader import DATA, load_base
from pertimage.guidelines.schema import Form
from pertimage.web.guidelines_cli import as_text
from tests.project import ROOT

FILES = {"fiche": "fiches/*/*.yaml", "lexique": "lexique/*.yaml", "examens": "examens.yaml", "mots": "[rt]e*s.yaml"} | {
    table: f"transversal/{table}.yaml" for table in ("completude", "securite", "redondance", "dose", "parcours", "replis", "restitution")
}
NAMES = (load_base().lexicon.facts, load_base().catalogue.exams)


def read(path):
    """Return a YAML file as JSON values."""
    return json.loads(json.dumps(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), default=str))


def faults(schema, value):
    """Return what a schema says against a value."""
    return [f"{list(fault.instance_path)}: {fault.message[:120]}" for fault in jsonschema_rs.validator_for(schema).iter_errors(value)]


@pytest.mark.parametrize("kind", FORMS)
def test_shipped_schema_is_up_to_date(kind):
    """The file shipped is what the command writes today: `pertimage guidelines schema fiche > docs/schema/fiche.schema.json`."""
    assert (ROOT / "docs" / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8") == as_text(editor_schema(kind))


@pytest.mark.parametrize("names", [(), NAMES], ids=["form", "with the names"])
@pytest.mark.parametrize("kind", FORMS)
def test_the_whole_base_conforms(kind, names):
    """No file of the base is underlined in an editor."""
    schema = editor_schema(kind, *names)
    paths = sorted(DATA.glob(FILES[kind]))
    assert paths
    assert [(path.name, fault) for path in paths for fault in faults(schema, read(path))] == []


def sheet():
    """Return a sheet as its file says it."""
    return read(DATA / "fiches" / "rachis" / "lombalgie-commune.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"titres": "Deux titres"},
        {"statut": "valide"},
        {"regles": []},
        {"validite": {"depuis": "2026-01-01"}},
        {"positions_communes": {"irm-rachis-lombaire": "indiqué"}},
        {"declencheurs": {"si": {"duree": {"moins_que": 3}}}},
        {"declencheurs": {"si": {"fievre": "peut-être"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_mistake_is_underlined(change):
    """A wrong key, word, bound or a missing date is seen while one types."""
    assert faults(editor_schema("fiche"), sheet() | change) != []


@pytest.mark.parametrize(
    "change",
    [
        {"positions_communes": {"irm-du-dos": "indique"}},
        {"declencheurs": {"faits": ["lombalgi"]}},
        {"declencheurs": {"si": {"fievres": "oui"}}},
        {"drapeaux_rouges": {"urgence": ["queue-de-vache"]}},
        {"questions": {"depuis-quand": "Depuis quand ?"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_unknown_name_is_underlined_when_names_are_given(change):
    """The schema with the base's names knows the facts and the exams; the other leaves them to the check."""
    assert faults(editor_schema("fiche"), sheet() | change) == []
    assert faults(editor_schema("fiche", *NAMES), sheet() | change) != []


def forms(form):
    """Yield the forms below a form."""
    for each in form.__subclasses__():
        yield each
        yield from forms(each)


@pytest.mark.parametrize("form", list(forms(Form)), ids=lambda form: form.__name__)
def test_every_key_is_explained(form):
    """An editor explains each key in French."""
    assert unexplained(form) == []
