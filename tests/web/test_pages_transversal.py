"""The cross-cutting tables as anybody reads them: every row with what it rests on."""

from __future__ import annotations

import pytest

from pertimage.guidelines.loader import DATA
from pertimage.guidelines.tables import FRENCH_BASES, written_tables
from tests.web.pages import person, service_at

TABLES = written_tables(DATA)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Give somebody who reads the guidelines."""
    service = service_at(tmp_path_factory.mktemp("transversal"))
    yield person(service)
    service.close()


def rows(value: object) -> list[dict[str, object]]:
    """Return the rows that a file holds, wherever they stand."""
    if isinstance(value, dict):
        inner = [row for part in value.values() for row in rows(part)]
        return [value, *inner] if "fonde" in value else inner
    return [row for part in value for row in rows(part)] if isinstance(value, list) else []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_says_what_it_rests_on(reader, table) -> None:
    """As many rows are shown under each basis as the file holds; ours are said to be ours."""
    said = reader.read(f"/referentiel/transversal/{table.name}")
    assert "aucun comité n'a encore signé" in said
    written = [row["fonde"] for row in rows(table.content)]
    assert written
    for word, shown in (("texte_lu", "texte lu"), ("connaissance", "connaissance, à vérifier"), ("proposition", "proposé par le projet")):
        assert said.count(shown) >= written.count(word)
    assert set(written) <= set(FRENCH_BASES)


def test_the_table_of_safety_is_said_in_words(reader) -> None:
    """Thresholds, groups, exams and kinds of alert are named as a reader names them: no id of the file is left."""
    said = reader.read("/referentiel/transversal/securite")
    named = ("Sonde abandonnée", "Dispositif implanté et IRM", "Scanner du rachis lombaire", "moins de 30 mL/min")
    assert [words for words in named if words not in said] == []
    rows = said.split("Lignes", 1)[1]
    assert [word for word in ("mri-device", "dfg-veineux", "delai-sondes", "iode-veineux", "{dfg}", "Moins de :") if word in rows] == []


def test_the_tables_are_found_from_the_guidelines(reader) -> None:
    """The list leads to them, and they to each table."""
    assert 'href="/referentiel/transversal"' in reader.client.get("/referentiel").text
    page = reader.client.get("/referentiel/transversal").text
    assert all(f'href="/referentiel/transversal/{table.name}"' in page for table in TABLES)


def test_an_unknown_table_is_not_found(reader) -> None:
    """A wrong address says so."""
    assert reader.client.get("/referentiel/transversal/astrologie").status_code == 404
