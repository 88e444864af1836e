"""The sandbox of integrators: each kind of alert has its call, and a call typed is answered without being kept."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pertimage.audit.past import past_requests
from pertimage.cds.model import AlertKind, ImagingRequest, Sex, TextPart
from pertimage.fhir.requests import HOOKS
from pertimage.web.demo.calls import cases
from tests.web.pages import RADIOLOGIST_TOKEN, closed_service, person, plain, service_at

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def integrator(tmp_path_factory):
    """Give an integrator with a browser."""
    service = service_at(tmp_path_factory.mktemp("bac-a-sable"))
    yield person(service)
    service.close()


def test_each_kind_of_alert_has_a_call_to_try() -> None:
    """Each alert has one example."""
    assert sorted(case.kind for case in cases()) == sorted(AlertKind)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.kind)
def test_a_case_raises_its_alert(integrator, case, hook) -> None:
    """The call of a kind of alert is one that raises it, in the judgement and on the page."""
    (order,) = integrator.service.read_call(case.body(hook, TODAY)).orders
    alerts = [alert for one in integrator.service.judge(order.request) for alert in one.alerts]
    assert case.kind in {alert.kind for alert in alerts}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.kind)
def test_a_case_in_words_raises_its_alert_too(integrator, case) -> None:
    """What the record says in the call, a prescriber can type: the same alert comes."""
    texts = (TextPart("text", case.words),)
    request = ImagingRequest("r", texts=texts, age=case.form["age"], sex=Sex(case.form["sexe"]), authored=TODAY)
    assert case.kind in {alert.kind for one in integrator.service.judge(request) for alert in one.alerts}


def test_a_case_shows_its_call_and_its_card(integrator) -> None:
    """The page shows what is sent and what comes back, suggestions included."""
    said = integrator.read("/bac-a-sable?cas=redundancy")
    assert '"hook": "order-sign"' in said
    assert "IRM du rachis lombaire il y a 5 semaines (CH de Foix)" in said
    assert "Passer outre" in said


def test_a_call_typed_is_answered_and_nothing_is_kept(integrator) -> None:
    """A call of one's own is judged; the register stays empty."""
    call = cases()[0].body("order-sign", TODAY)
    call["context"]["draftOrders"]["entry"][0]["resource"]["reasonCode"] = [{"text": "lumbago depuis 5 jours, sans déficit <b>merci</b>"}]
    page = integrator.post("/bac-a-sable", appel=json.dumps(call)).text
    assert "pas d'imagerie utile à ce stade" in plain(page).casefold()
    assert "<b>merci</b>" not in page
    assert list(past_requests(integrator.service.store)) == []


@pytest.mark.parametrize(("call", "said"), [("{", "JSON"), ("[]", "objet JSON"), ('{"hook": "patient-view", "context": {}}', "order-sign")])
def test_a_call_that_cannot_be_read_says_where(integrator, call, said) -> None:
    """What is wrong is said in French, with the call still there to mend."""
    answer = integrator.post("/bac-a-sable", appel=call)
    assert answer.status_code == 422
    assert said in plain(answer.text)


def test_the_sandbox_is_the_operator_s(tmp_path) -> None:
    """Outside the demonstration, another role is refused."""
    service = closed_service(tmp_path)
    radiologist = person(service)
    radiologist.enter(RADIOLOGIST_TOKEN)
    assert radiologist.client.get("/bac-a-sable").status_code == 403
    service.close()
