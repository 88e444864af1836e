import random

import pytest

from pertimage.fhir.timelines import Timelines, parts

REQUEST = {
    "resourceType": "ServiceRequest", "id": "sr-1", "status": "active", "authoredOn": "2026-01-02T10:00:00+01:00",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1-1"}, {"system": "https://smt.esante.gouv.fr/terminologie-ccam", "code": "ZCQK005"}], "text": "TDM TAP"},
    "subject": {"reference": "Patient/p-1"}, "locationReference": [{"reference": "Location/ch-nord"}],
}  # fmt: skip
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "a",
    "status": "booked",
    "start": "2026-01-12T08:30:00+01:00",
    "basedOn": [{"reference": "https://ris.example/fhir/ServiceRequest/sr-1"}],
}
STUDY = {
    "resourceType": "ImagingStudy", "id": "st-1", "started": "2026-01-12T08:45:00+01:00", "modality": [{"code": "SR"}, {"code": "CT"}],
    "basedOn": [{"reference": "ServiceRequest/sr-1/_history/2"}],
    "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": "A77"}],
}  # fmt: skip
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r-1",
    "status": "final",
    "issued": "2026-01-12T11:00:00+01:00",
    "imagingStudy": [{"reference": "ImagingStudy/st-1"}],
}
PATIENT = {"resourceType": "Patient", "id": "p-1", "birthDate": "1961-02-03"}


def _exams(*resources):
    timelines = Timelines()
    for line, resource in enumerate(resources, start=1):
        for part in parts(resource, line):
            timelines.add(part)
    timelines.join()
    found = list(timelines.exams())
    timelines.close()
    return [exam for _, exam in found]


@pytest.mark.parametrize("seed", range(6))
def test_resources_of_one_exam_make_one_timeline_in_any_order(seed):
    """Request, appointment, study and report of an exam are one line, whatever the order of the file."""
    resources = [REQUEST, APPOINTMENT, STUDY, REPORT, PATIENT]
    random.Random(seed).shuffle(resources)
    (exam,) = _exams(*resources)
    assert exam == {
        "numero": "sr-1", "patient": "p-1", "site": "ch-nord", "modalite": "CT", "examen": "TDM TAP", "code": "ZCQK005", "naissance": "1961-02-03",
        "demande": "2026-01-02T10:00:00+01:00", "rendez_vous": "2026-01-12T08:30:00+01:00", "realisation": "2026-01-12T08:45:00+01:00",
        "compte_rendu": "2026-01-12T11:00:00+01:00",
    }  # fmt: skip


def test_a_bundle_joins_by_its_own_addresses():
    """In a Bundle, resources refer to one another by the addresses of its entries."""
    request = {key: value for key, value in REQUEST.items() if key != "id"}
    study = STUDY | {"basedOn": [{"reference": "urn:uuid:1"}]}
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": "urn:uuid:2", "resource": study}, {"fullUrl": "urn:uuid:1", "resource": request}, {"resource": None}],
    }
    (exam,) = _exams(bundle)
    assert (exam["examen"], exam["modalite"]) == ("TDM TAP", "CT")


def test_without_a_request_the_accession_number_joins():
    """Study and report of an exam asked for elsewhere are joined by their accession number."""
    study = {key: value for key, value in STUDY.items() if key != "basedOn"}
    report = {key: value for key, value in REPORT.items() if key != "imagingStudy"} | {"identifier": STUDY["identifier"]}
    (exam,) = _exams(study, report)
    assert (exam["numero"], exam["compte_rendu"]) == ("A77", "2026-01-12T11:00:00+01:00")


def test_the_number_is_the_same_whether_the_request_is_in_the_file_or_not():
    """An export of studies alone, then of requests, speaks of the same exam."""
    assert {exam["numero"] for exam in (*_exams(STUDY), *_exams(REQUEST), *_exams(APPOINTMENT))} == {"sr-1"}


def test_what_was_cancelled_or_is_not_final_tells_no_step():
    """A cancelled appointment is no appointment, a report registered is no report, a revoked request says so."""
    exams = _exams(
        REQUEST | {"status": "revoked"},
        APPOINTMENT | {"status": "cancelled"},
        REPORT | {"status": "registered", "basedOn": [{"reference": "ServiceRequest/sr-1"}]},
    )
    (exam,) = [exam for exam in exams if exam["numero"] == "sr-1"]
    assert exam["statut"] == "revoked"
    assert not {"rendez_vous", "compte_rendu"} & set(exam)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        3,
        "x",
        [],
        {},
        {"resourceType": "Patient"},
        {"resourceType": "ImagingStudy", "basedOn": [3, None], "modality": "CT", "identifier": {"value": 3}},
    ],
)
def test_odd_resources_do_not_stop_the_reading(broken):
    """Whatever stands in the place of a resource, the others are read."""
    assert any(exam["numero"] == "sr-1" for exam in _exams(broken, REQUEST))
