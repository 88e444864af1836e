"""Search among the sheets, by whatever a reader types."""

import time

import pytest

from pertimage.guidelines.loader import load_base
from pertimage.web.pages.sheet_search import Filters, search

BASE = load_base()


def ids(sheets):
    """Return the ids of sheets."""
    return {sheet.id for sheet in sheets}


@pytest.mark.parametrize(
    ("query", "sheet"),
    [
        ("mal de dos", "lombalgie-commune"),
        ("mal au dos", "lombalgie-commune"),
        ("lumbago", "lombalgie-commune"),
        ("LOMBALGIES", "lombalgie-commune"),
        ("lombalg", "lombalgie-commune"),
        ("M54.5", "lombalgie-commune"),
        ("m545", "lombalgie-commune"),
        ("L03", "lombalgie-commune"),
        ("sciatique", "lomboradiculalgie-commune"),
        ("siatique", "lomboradiculalgie-commune"),
        ("cefalée", "cephalee-chronique-sans-alarme"),
        ("mal de tête", "cephalee-chronique-sans-alarme"),
        ("embolie pulmonère", "suspicion-ep"),
        ("IRM genou douleur", "gonalgie-non-traumatique"),
    ],
)
def test_a_sheet_about_the_query_comes_first(query, sheet):
    """A sheet is found by its words, a doctor's or a patient's, by a code or the beginning of one, with a letter wrong."""
    assert sheet in ids(search(BASE, query).about)


def test_an_exam_finds_the_sheets_that_position_it():
    """« IRM genou » finds the sheets that speak of that exam, not those that have an MRI and, elsewhere, a knee."""
    found = search(BASE, "IRM genou")
    listed = [*found.about, *found.positioning]
    assert {"gonalgie-non-traumatique"} <= ids(listed)
    assert [
        sheet.id for sheet in found.positioning if "irm-genou" not in sheet.exams and not any("genou" in exam for exam in sheet.exams)
    ] == []
    assert "migraine-typique" not in ids(listed)


def test_a_sign_finds_the_sheets_that_cite_it_after_the_others():
    """A red flag leads to the sheets that name it, apart from those that are about it."""
    found = search(BASE, "queue de cheval")
    assert "queue-de-cheval-sciatique-paralysante" in ids(found.about)
    assert "lombalgie-commune" in ids(found.citing)
    assert ids(found.about).isdisjoint(ids(found.citing))


def test_what_was_corrected_is_said():
    """A word read as another is shown to the reader; a word of the lexicon is never « corrected »."""
    assert search(BASE, "embolie pulmonère").read_as == {"pulmoner": "pulmonaire"}
    assert search(BASE, "lumbago").read_as == {}


def test_nothing_found_offers_the_nearest():
    """When no sheet holds all the words, those that hold most of them are offered; none when no word is known."""
    found = search(BASE, "zzzyx genou")
    assert (found.about, found.positioning, found.citing) == ([], [], [])
    assert found.nearest
    assert search(BASE, "zzzyx").nearest == []


@pytest.mark.parametrize(
    "filters", [Filters(chapter="Rachis"), Filters(exam="irm-rachis-lombaire"), Filters(state="publie"), Filters("Rachis", "irm-genou")]
)
def test_filters_narrow_the_list_and_the_search(filters):
    """A filter keeps what it says, with or without a query."""
    every, found = search(BASE, "", filters).about, search(BASE, "lombalgie", filters)
    assert ids(every) <= ids(search(BASE, "").about)
    assert all(filters.keep(sheet, BASE) for sheet in every)
    assert ids([*found.about, *found.positioning, *found.citing]) <= ids(every)


def test_no_query_lists_everything():
    """An empty search is the whole list."""
    assert len(search(BASE, " ").about) == len(BASE.sheets)


def test_a_search_is_fast():
    """A search takes a few hundredths of a second at most, once the first has built its index."""
    search(BASE, "genou")
    durations = []
    for query in ("mal de dos", "IRM genou", "entorce cheville", "échographie abdominale enfant fièvre", "x" * 200):
        start = time.perf_counter()
        search(BASE, query)
        durations.append(time.perf_counter() - start)
    assert min(durations) < 0.2
