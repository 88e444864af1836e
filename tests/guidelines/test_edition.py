"""Editions: versions of sheets that stay readable when the base has moved on."""

import orjson
import pytest

from pertimage.guidelines.edition import digest_of, editions, read_edition, written
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import SheetForm


@pytest.mark.parametrize("name", sorted(load_base().sheets))
def test_an_edition_read_back_is_the_same(name):
    """Each sheet survives being kept as JSON with its names, its order and its digest."""
    edition = editions(load_base())[name]
    back = read_edition(orjson.loads(orjson.dumps(edition.to_json(), option=orjson.OPT_SORT_KEYS)))
    assert back == edition
    assert digest_of(back.form) == edition.digest


def test_the_digest_names_what_is_said():
    """Another word is another digest; another order of keys, or a default written out, is the same."""
    form = written(load_base().sheets["lombalgie-commune"].form)
    digest = digest_of(SheetForm.model_validate(form))
    assert digest_of(SheetForm.model_validate(dict(reversed(form.items())))) == digest
    assert digest_of(SheetForm.model_validate(form | {"precise": []})) == digest
    assert digest_of(SheetForm.model_validate(form | {"titre": "Autre"})) != digest


def test_an_edition_names_all_that_its_conditions_test():
    """An edition has the label of each exam and the unit of each fact that it needs to be read alone."""
    edition = editions(load_base())["lombalgie-commune"]
    assert edition.facts["duree"].unit == "jours"
    assert edition.facts["queue-de-cheval"].label
    assert edition.exams["irm-rachis-lombaire"] == load_base().catalogue.exams["irm-rachis-lombaire"].label
