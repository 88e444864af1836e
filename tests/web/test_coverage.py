"""How much the guidelines judge: shares, reasons, phrases, in every format, whatever the lines."""

from __future__ import annotations

import io
from datetime import date

import orjson
import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import Code, ImagingRequest, Outcome, TextPart
from pertimage.guidelines.loader import load_base
from pertimage.web.coverage import Coverage
from pertimage.web.frequency import Frequent
from pertimage.web.prescriptions import age_in_years, read_requests
from pertimage.web.unscored import Why, why
from tests.web.drafts import untouched
from tests.web.test_cli import run
from tests.web.test_hooks import order

TODAY = date(2026, 11, 22)
BASE = load_base()


def asked(text: str, exam: str = "", **about: object) -> ImagingRequest:
    """Return a request."""
    return ImagingRequest("r", exam, texts=(TextPart("reasonCode", text),), authored=TODAY, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asked("lumbago depuis 5 j", "radio rachis lombaire"), None),
        (asked("zorglubite du soir", "radio rachis lombaire"), Why.NO_SHEET),
        (asked("lumbago depuis 5 j", "mammographie"), Why.SILENT_SHEET),
        (asked("lumbago depuis 5 j", "frobnication"), Why.UNKNOWN_EXAM),
        (asked("", "radio rachis lombaire"), Why.NO_REASON),
        (asked("lumbago depuis 5 j"), Why.NO_EXAM),
        (asked("lombalgie", "radio rachis lombaire"), Why.PRECISION),
    ],
)
def test_why_no_position_was_taken(request_, reason):
    """Each way of not being judged is told from the others."""
    base = untouched()[1]
    (answer,) = assess(request_, base)
    assert why(answer, request_, base) == reason


def test_a_code_outside_the_catalogue_is_not_an_unknown_exam():
    """A code of the national list that designates no exam for prescribers says so."""
    code = next(code for code, found in BASE.catalogue.codes.exams.items() if found.reason == "geste")
    request = asked("lumbago depuis 5 j", exam_codes=(Code("http://loinc.org", code),))
    (answer,) = assess(request, BASE)
    assert answer.outcome is Outcome.NO_GUIDANCE
    assert why(answer, request, BASE) is Why.OUTSIDE


def read(content: bytes, name: str = "demandes"):
    """Read a file from memory."""
    return list(read_requests(io.BufferedReader(io.BytesIO(content)), name, TODAY))


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_table_is_read_whatever_its_marks_and_its_encoding(delimiter, encoding):
    """Columns are found by their heading, in any order; ages and sexes as people write them."""
    rows = [["Âge", "Examen", "Sexe", "Texte"], ["8 mois", "échographie", "F", '"fièvre\nélevée"'], ["38 ans", "IRM", "m", "lumbago"]]
    found = read("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    first, second = (request for one in found for request in one.requests)
    assert (first.narrative, first.exam_text, str(first.sex)) == ("fièvre\nélevée", "échographie", "female")
    assert first.age == pytest.approx(8 / 12)
    assert (second.narrative, second.age, str(second.sex), second.authored) == ("lumbago", 38, "male", TODAY)


def test_plain_text_is_one_request_a_line():
    """Without heading nor FHIR, each line is a request; empty lines are none."""
    found = read(b"radio lombaire pour lumbago\n\nIRM du genou\n")
    assert [one.requests[0].narrative for one in found] == ["radio lombaire pour lumbago", "IRM du genou"]
    assert [one.line for one in found] == [1, 3]


def test_the_formats_of_assess_are_read_too():
    """NDJSON of FHIR goes through the same door."""
    assert read(orjson.dumps(order("lumbago", "radio lombaire")))[0].requests[0].exam_text == "radio lombaire"


def test_a_bad_row_stops_nothing():
    """A row without request, an unreadable date, a quote never closed: each is an error, the others are read."""
    found = read(b"texte;examen;date\n;;x\nlumbago;IRM;2026-31-12\nlumbago;IRM;2026-01-02\n" + b'"' + b"x" * 200_000 + b"\nlumbago;IRM;\n")
    assert [bool(one.error) for one in found[:3]] == [True, True, False]
    assert found[2].requests[0].authored == date(2026, 1, 2)
    assert any(one.error for one in found[3:])
    assert found[-1].requests


def test_the_age_of_anything_else_is_unknown():
    """Words that are no age give none."""
    assert age_in_years("adulte") is None


def test_frequent_keeps_the_most_frequent_in_bounded_memory():
    """Rare keys are forgotten, the frequent ones keep their rank, and what a count may lack is said."""
    counts: Frequent[str] = Frequent(10)
    for number in range(500):
        counts.add("often")
        counts.add(f"once-{number}")
    assert counts.top(1) == [("often", 500)]
    assert len(counts.top(1000)) <= 20
    assert counts.missed > 0


def test_coverage_counts_shares_exams_and_phrases():
    """Everything is counted once, in the right share, with the phrase and the reason; names do not pass."""
    found = Coverage(untouched()[1])
    for _ in range(3):
        found.add(asked("zorglubite chez Mme Dupont, fièvre et frissons", "radio du pied"))
    found.add(asked("lumbago depuis 5 j", "radio rachis lombaire"))
    found.add(asked("", "radio rachis lombaire"))
    told = found.to_json(10)
    assert {name: one["count"] for name, one in told["shares"].items()} == {"judged": 1, "incomplete": 1, "unscored": 3}
    assert told["why"] == {"no-sheet": 3, "no-reason": 1}
    assert told["by_exam"][0] == {"exam": "Radiographie du pied", "judged": 0, "incomplete": 0, "unscored": 3}
    assert {"phrase": "fièvre et frissons", "exam": "Radiographie du pied", "why": "no-sheet", "count": 3} in told["phrases"]
    assert told["unknown_words"] == [{"word": "zorglubite", "count": 3}]
    assert "upont" not in "\n".join(found.report(10))


def test_the_command_reads_the_good_lines_and_says_the_bad_ones(tmp_path):
    """The table is printed, the bad line is named on the error output, the exit code says that not all was read."""
    path = tmp_path / "demandes.ndjson"
    path.write_bytes(orjson.dumps(order("lumbago depuis 5 j", "radio rachis lombaire")) + b"\n{pas du json\n")
    done = run("guidelines", "coverage", path)
    assert done.returncode == 1
    assert f"{path}:2" in done.stderr.decode()
    assert "1 demande lue, 1 illisible" in done.stdout.decode()
    assert "hors référentiel" in done.stdout.decode()


def test_the_command_reads_standard_input_and_writes_json():
    """A pipe in, JSON out."""
    done = run("guidelines", "coverage", "-", "--json", given=b"texte;examen\nlumbago depuis 5 j;radio rachis lombaire\n")
    assert done.returncode == 0, done.stderr.decode()
    assert orjson.loads(done.stdout)["shares"]["judged"] == {"count": 1, "share": 1.0}
