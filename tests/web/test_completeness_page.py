"""The section on what signed requests lack: silent beside in service, shares with their number, small counts hidden."""

from __future__ import annotations

import pytest

from pertimage.audit.completeness import Found
from pertimage.audit.programme import Mode
from pertimage.web import lacking as module
from pertimage.web.lacking import Lacking, lacking
from pertimage.web.pages.completeness_tables import completeness
from tests.web.demonstration import demonstration
from tests.web.pages import person


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Give the demonstration."""
    opened = demonstration(tmp_path_factory.mktemp("completude"))
    yield opened
    opened.close()


def found(name, mode, count, weighty=0, site="a", exams=100):
    """Return what lacks, or an alert, at a site."""
    return Found(name, mode, site, None, count, weighty, exams)


def shown(service, missing=(), alerts=(), exams=None, site=None):
    """Return the section."""
    return completeness(service, Lacking(tuple(missing), tuple(alerts), exams or {(Mode.ON, "a"): 100}), site)


def cells(lines):
    """Return the shares of each line."""
    return {line.label: [cell.share for cell in line.cells] for line in lines}


def test_silent_stands_before_in_service_sites_added(service):
    """Each share is of the exams signed of its own mode; one site alone when it is chosen."""
    exams = {(Mode.SILENT, "a"): 100, (Mode.ON, "a"): 200, (Mode.ON, "b"): 200}
    missing = [found("motif", Mode.SILENT, 50), found("motif", Mode.ON, 20), found("motif", Mode.ON, 60, site="b")]
    section = shown(service, missing, exams=exams)
    assert section.columns == (("silencieux", "100"), ("en service", "400"))
    (line,) = section.items
    assert line.label.startswith("Pour quel motif")
    assert [(cell.share, cell.interval) for cell in line.cells] == [
        ("50\N{NO-BREAK SPACE}%", "40 à 60"),
        ("20\N{NO-BREAK SPACE}%", "16 à 24"),
    ]
    assert [cell.share for cell in shown(service, missing, exams=exams, site="b").items[0].cells] == ["30\N{NO-BREAK SPACE}%"]
    assert not shown(service, missing, exams=exams, site="b").silent


def test_small_counts_are_hidden_and_rare_items_only_counted(service):
    """Neither a few exams that lack it, nor a few that do not, give a share."""
    section = shown(service, [found("motif", Mode.ON, 7), found("age", Mode.ON, 8), found("sexe", Mode.ON, 95)])
    assert section.rare == 1
    assert [cell.share for line in section.items for cell in line.cells] == ["n.c.", "8\N{NO-BREAK SPACE}%"]


def test_redundancy_comes_first_even_when_there_is_none(service):
    """Only loud alerts count; a kind that is never loud has no line."""
    alerts = [found("laterality", Mode.ON, 30, 20), found("mri-device", Mode.ON, 40, 0)]
    assert cells(shown(service, alerts=alerts).alerts) == {"Examen redondant": ["0\N{NO-BREAK SPACE}%"], "Côté": ["20\N{NO-BREAK SPACE}%"]}


def test_without_any_signature_there_is_no_section(service):
    """Nor at a site where nothing was signed."""
    assert shown(service, site="b") is None


def test_the_page_shows_it(service):
    """On the demonstration, whose requests were all judged in service: the page says that there is no reference."""
    page = person(service).read("/evaluation")
    assert "Ce qui manquait à la signature : part et intervalle à 95 %" in page
    assert "Aucune demande n'a été jugée en silence" in page
    assert "Examen redondant" in page


def test_it_is_read_again_when_it_is_old_only(service, monkeypatch):
    """Requests signed meanwhile wait for the next reading."""
    first = lacking(service)
    service.journal.append("note", {}, service.now())
    assert lacking(service) is first
    monkeypatch.setattr(module.time, "monotonic", lambda: float("inf"))
    again = lacking(service)
    assert again is not first
    assert again == first
    assert lacking(service) is again
