"""What the document of a signed request says: words only, ready to be laid out. Nothing is judged here but what an exchange changed.

The register holds no identity: the name, the birth date and the INS of the patient are lines to fill by hand. What the request does
not say is « non renseigné », even where an emergency made it needless to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pertimage.audit.instants import utc_datetime
from pertimage.audit.overrides import Override, overrides
from pertimage.audit.review import Decision, NotSigned, RequestStatus, ReviewState
from pertimage.audit.worklist import RequestRow, Turn
from pertimage.cds.model import Alert, Assessment, FactFound, ImagingRequest, Outcome, PriorExam, Severity
from pertimage.cds.particulars import Particular, Particulars, particulars
from pertimage.fhir.vocabularies import OVERRIDES
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.tables import Basis
from pertimage.web.document.printable import UNDRAWN, printable_all
from pertimage.web.local_policy import PAGE, PRESCRIBER
from pertimage.web.pages import french
from pertimage.web.pages.advice import AGAINST, alerts_shown
from pertimage.web.pages.draft import PRIORITIES
from pertimage.web.pages.highlight import STATUS_WORDS
from pertimage.web.pages.recorded import Recorded, completed, exam_label, recorded
from pertimage.web.patient.explanation import ADULT
from pertimage.web.patient.languages import FRENCH, languages
from pertimage.web.service import Service

NOT_SAID = "non renseigné"
SIDES = {"left": "côté gauche", "right": "côté droit", "bilateral": "des deux côtés"}
SEXES = {"female": "femme", "male": "homme"}
# Techniques for which saying nothing of a contrast agent leaves a choice to make.
WITH_A_CHOICE = frozenset(("CT", "MR"))
# The questions of the table of completeness as a heading; one without has its question in full.
HEADINGS = {
    "finalite": "Finalité", "grossesse": "Grossesse", "examens-anterieurs": "Examens antérieurs",
    "dispositif-implante": "Dispositif implanté, corps étranger métallique", "allergie-contraste": "Réaction à un produit de contraste",
    "dfg": "Fonction rénale (DFG)", "dfg-gadolinium": "Fonction rénale (DFG)", "anticoagulant": "Anticoagulant, antiagrégant",
    "corps-etranger-oculaire": "Éclat métallique dans l'œil", "grossesse-gadolinium": "Grossesse", "allaitement": "Allaitement",
    "metformine": "Metformine", "thyroide": "Thyroïde", "iode-recent": "Injection d'iode récente", "antecedents": "Antécédents",
    "justification-urgence": "Raison de l'urgence", "poids": "Poids", "claustrophobie": "Claustrophobie", "glycemie": "Diabète, glycémie",
    "lateralite": "Côté", "mobilite": "Mobilité", "motif": "Motif", "region": "Examen et région",
}  # fmt: skip
# What stands elsewhere in the document.
ELSEWHERE = frozenset(("age", "sexe"))
_LONGEST_QUOTE = 160  # characters
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")


@dataclass(frozen=True, slots=True)
class PatientPage:
    """The patient page as the document gives it: address, SVG of its QR code, until when (UTC text)."""

    address: str
    qr: str
    until: str


@dataclass(frozen=True, slots=True)
class _Document:
    """A request on its way to a document. ``answers`` are the prescriber's to the radiologist; ``request`` holds them."""

    service: Service
    one: Recorded
    thread: Sequence[Turn]
    answers: list[str]
    request: ImagingRequest
    maintained: dict[int, Override]

    @property
    def row(self) -> RequestRow:
        return self.one.row

    @property
    def replaced(self) -> bool:
        return self.row.state is ReviewState.DECIDED and self.row.decision is Decision.SUBSTITUTE

    @property
    def void(self) -> bool:
        """Say whether the exam is not to be done."""
        refused = self.row.state is ReviewState.DECIDED and self.row.decision is Decision.REFUSE
        return self.row.status is RequestStatus.WITHDRAWN or refused


def require_signed(row: RequestRow) -> None:
    """Refuse a document to a request that nobody has signed; one that was withdrawn has one that says so."""
    if row.status is RequestStatus.DRAFT:
        raise NotSigned("Cette demande n'est pas signée : elle n'a pas de document.")


def stands_since(row: RequestRow) -> datetime:
    """Return when a request became what it is: the instant of its document."""
    return utc_datetime(row.changed_at or row.decided_at or row.signed_at or row.created_at)


def content_of(row: RequestRow, service: Service, *, author: str = "", link: PatientPage | None = None) -> dict[str, Any]:
    """Return what the document of a signed request says, as the JSON that its template reads.

    ``author`` is the name of the prescriber's account, ``link`` the patient page; without them, nothing is said of either.
    """
    one = recorded(row, service)
    thread = service.register.thread(row.id)
    answers = [turn.text for turn in thread if turn.kind == "answer"]
    made = _Document(service, one, thread, answers, completed(one, answers), overrides(service.store.reader, row.id, len(one.assessments)))
    body = {
        "demo": service.settings.demo, "number": row.id, "signed": french.instant(row.signed_at), "void": made.void,
        "standing": _standing(made), "emergency": one.emergency, "prescriber": _prescriber(made, author), "patient": _patient(made),
        "exams": list(_exams(made)), "urgency": PRIORITIES.get(row.priority, row.priority), "reason": _reason(one.request),
        "exchange": [_turn(turn) for turn in thread if turn.kind in ("question", "answer")],
        "advice": [_advice(given, rank, made) for rank, given in enumerate(_told(one.assessments, service)) if not row.silent], "after": list(_after(made)),
        "decision": _decision(made),
        "link": {"address": link.address, "shown": link.address, "until": french.day(link.until)} if link else None,
    }  # fmt: skip
    said = printable_all(_typeset(body))
    said["undrawn"] = UNDRAWN in str(said)
    if link:
        said["link"] |= {"address": link.address, "qr": link.qr}
    return dict(said)


def _typeset(value: Any) -> Any:
    if isinstance(value, str):
        return _APOSTROPHE.sub("’", french.typography(value))
    if isinstance(value, dict):
        return {key: _typeset(item) for key, item in value.items()}
    return [_typeset(item) for item in value] if isinstance(value, list) else value


def _told(assessments: Sequence[Assessment], service: Service) -> tuple[Assessment, ...]:
    return service.told(assessments, PAGE, PRESCRIBER)


def _standing(made: _Document) -> dict[str, str]:
    """Return where the request stands: a stamp when there is something not to do, and a sentence; what was decided is told apart."""
    row = made.row
    if row.silent and row.status is RequestStatus.SIGNED:
        return {
            "stamp": "",
            "said": "Signée pendant une période d'observation : aucun avis n'est montré, et ce silence n'est pas une approbation.",
        }
    if row.status is RequestStatus.WITHDRAWN:
        turn = next((turn for turn in reversed(made.thread) if turn.kind == "withdrawal"), None)
        why = f" Raison donnée : {turn.text}" if turn and turn.text else ""
        when = f" le {french.day(turn.at)}" if turn else ""
        return {"stamp": "RETIRÉE", "said": f"Le prescripteur a retiré cette demande{when} : elle n'est plus à exécuter.{why}"}
    if row.state is ReviewState.DECIDED and row.decision is Decision.REFUSE:
        return {
            "stamp": "REFUSÉE",
            "said": f"Le radiologue a refusé cette demande le {french.day(row.decided_at)} : l'examen n'est pas à faire.",
        }
    if row.state is ReviewState.POSTPONED or (row.state is ReviewState.DECIDED and row.decision is Decision.POSTPONE):
        until = (
            f"jusqu'au {french.day(row.until)} : l'examen n'est pas à faire avant"
            if row.until
            else ": l'examen n'est pas à faire maintenant"
        )
        return {"stamp": "REPORTÉE", "said": f"Le radiologue a reporté cette demande {until}."}
    if row.state is ReviewState.QUESTION:
        return {"stamp": "", "said": "Le radiologue attend une précision du prescripteur avant de décider."}
    if row.state is ReviewState.DECIDED:
        return {"stamp": "", "said": ""}
    if row.state is not None:
        return {"stamp": "", "said": "En attente de relecture par le radiologue."}
    return {"stamp": "", "said": "Non relue par un radiologue : l'absence de relecture n'est pas une validation."}


def _prescriber(made: _Document, author: str) -> dict[str, str]:
    """Return who prescribes and where; somebody who took over the request of a colleague did not write it."""
    site = next((site.name for site in made.service.register.sites() if site.id == made.row.site), made.row.site)
    signed = next((turn.author for turn in made.thread if turn.kind == "signature"), made.row.prescriber)
    return {"name": author, "site": site, "takes_over": "oui" if author and signed != made.row.prescriber else ""}


def _patient(made: _Document) -> dict[str, str]:
    return {"age": french.age(_age(made)) or NOT_SAID, "sex": SEXES.get(str(made.one.request.sex or ""), NOT_SAID)}


def _age(made: _Document) -> float | None:
    """Return the age, of the form or of the text, in years."""
    read = (fact.value for fact in made.one.main.facts if fact.fact == "age")
    return next((age for age in (made.one.request.age, *read) if age is not None), None)


def _reason(request: ImagingRequest) -> str:
    """Return why the exam is asked for: the words, then the codes that came with them."""
    coded = (f"{code.display} ({code.code})" if code.display else code.code for code in request.reason_codes)
    return "\n".join(filter(None, (request.narrative, ", ".join(dict.fromkeys(coded)))))


def _exams(made: _Document) -> Iterator[dict[str, Any]]:
    """Yield the exams asked for, then the one that replaces them, each with what the request must say of it."""
    for one in made.one.assessments:
        known = {item.item for item in one.missing} if not made.answers else set()
        looked = particulars(made.request, made.service.base, one.exam)
        name = (
            exam_label(one.exam, made.service)
            or french.capital(one.exam_label)
            or french.capital(made.row.exam_text)
            or "Examen non précisé"
        )
        shown = _exam(name, looked, made)
        struck = made.void or made.replaced
        items = [] if struck else [*_items(looked.items, known, made), *_asked(one, looked, made)]
        yield shown | {"struck": struck, "items": items, "legal": _legal(looked.exam)}
    if made.replaced:
        looked = particulars(made.request, made.service.base, made.row.substituted_exam)
        name = exam_label(made.row.substituted_exam, made.service) or (made.row.substituted_exam or "")
        alerts = [_alert(*shown) for shown in _alerts_of(made, name, looked)]
        yield _exam(name, looked, made) | {
            "struck": False, "items": list(_items(looked.items, set(), made)), "legal": _legal(looked.exam), "alerts": alerts,
        }  # fmt: skip


def _exam(name: str, looked: Particulars, made: _Document) -> dict[str, Any]:
    exam = looked.exam
    asks_side = exam is not None and exam.lateral
    said = next((item.stated for item in looked.items if item.item == "lateralite"), False)
    side = SIDES.get(looked.laterality, ("voir le texte" if said else NOT_SAID) if asks_side else "")
    return {
        "label": name,
        "side": side,
        "contrast": _contrast(exam, looked.contrast),
        "dose": _dose(exam, _age(made), made.service),
        "alerts": [],
    }


def _contrast(exam: ExamForm | None, asked: bool | None) -> str:
    if exam is None:
        return ""
    if exam.contrast:
        return "avec produit de contraste"
    if asked is False:
        return "sans produit de contraste"
    return "produit de contraste non précisé, au choix du radiologue" if str(exam.modality) in WITH_A_CHOICE else ""


def _dose(exam: ExamForm | None, age: float | None, service: Service) -> str:
    """Return the dose in the words of the patient page, then in figures."""
    words = languages()[FRENCH]
    if exam is None:
        return ""
    if not exam.modality.irradiating:
        return str(words.say("dose.aucune").unescape())
    if exam.dose.msv is None:
        return "Dose de rayons non renseignée."
    given = f"classe {exam.dose.dose_class}, " if exam.dose.dose_class else ""
    said = words.say(f"dose.{service.preparations.level(exam.dose.msv)}").unescape().rstrip(".")
    child = f" {words.say('dose.enfant').unescape()}" if age is not None and age < ADULT else ""
    return f"{said} ({given}{french.dose(exam.dose.msv)}). {words.say('dose.proposee').unescape()}{child}"


def _legal(exam: ExamForm | None) -> bool:
    """Say whether the law lists what the request must say: the exam uses ionising radiation."""
    return exam is not None and exam.modality.irradiating


def _items(items: Sequence[Particular], known: set[str], made: _Document) -> Iterator[dict[str, Any]]:
    for item in items:
        if item.item not in ELSEWHERE:
            stated = item.stated and item.item not in known
            yield {"label": HEADINGS.get(item.item, item.question), "said": _said(item, made) if stated else NOT_SAID, "stated": stated}


def _asked(one: Assessment, looked: Particulars, made: _Document) -> Iterator[dict[str, Any]]:
    """Yield the questions of the advice itself that nothing answered."""
    listed = {item.item for item in looked.items} | ELSEWHERE
    if not made.answers:
        yield from (
            {"label": HEADINGS.get(m.item, m.question), "said": NOT_SAID, "stated": False} for m in one.missing if m.item not in listed
        )


def _said(item: Particular, made: _Document) -> str:
    """Return what answers a question: what was read, present or denied, with the words of the request as far as there are any."""
    if item.lifted:
        return item.lifted
    heading = HEADINGS.get(item.item, item.question)
    said = dict.fromkeys(_read(fact, heading, made) for fact in item.facts)
    if item.words and not said:
        said[f"« {_short(item.words)} »"] = None
    if item.item == "examens-anterieurs":
        said |= dict.fromkeys(_earlier(exam) for exam in made.request.prior_exams if not exam.ordered)
    return " ; ".join(said) or "voir le texte"


def _earlier(exam: PriorExam) -> str:
    """Return an exam of the record, with its day."""
    return ", ".join(filter(None, (exam.text, french.day(exam.performed))))


def _read(fact: FactFound, heading: str, made: _Document) -> str:
    quote = f"« {_short(fact.evidence)} »" if fact.start >= 0 and fact.evidence.strip() else ""
    if fact.value is not None and quote:
        return quote
    said = french.number(fact.value) if fact.value is not None else STATUS_WORDS[fact.status]
    label = made.service.label(fact.fact)
    named = "" if heading.casefold().startswith(label.casefold()) else f"{label} : "
    return f"{named}{said}{f' ({quote})' if quote else ''}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE].rstrip()}…"


def _turn(turn: Turn) -> dict[str, str]:
    who = "Question du radiologue" if turn.kind == "question" else "Réponse du prescripteur"
    return {"who": f"{who}, {french.day(turn.at)}", "said": turn.text}


def _advice(one: Assessment, rank: int, made: _Document) -> dict[str, Any]:
    facts = made.service.base.lexicon.facts
    absent = [facts[flag.item].label for flag in one.absent_flags if flag.item in facts]
    return {
        "exam": french.capital(one.exam_label) if len(made.one.assessments) > 1 else "", "word": french.capital(one.outcome.french), "reason": one.reason,
        "absent": ", ".join(absent), "rule": _rule(one), "sources": [_source(source) for source in one.sources],
        "alerts": [_alert(*shown) for shown in alerts_shown(one)], "fast": one.fast_track.french if one.fast_track else "",
        "offers": [offer.label + (f" ({offer.when})" if offer.when else "") for offer in one.alternatives] if one.outcome is not Outcome.APPROPRIATE else [],
        "maintained": _maintained(one, made.maintained.get(rank)),
    }  # fmt: skip


def _rule(one: Assessment) -> str:
    """Return which rule speaks, and whether a committee has read it."""
    version = one.guidelines.partition("+")[0]
    draft = "non validé par un comité"
    if one.rule is None:
        return f"Référentiel {version}, en projet, {draft}" if one.review_state == "draft" else f"Référentiel {version}"
    state = "règle en projet, non validée par un comité" if one.review_state == "draft" else "règle relue"
    return f"Règle {one.rule}, référentiel {version} : {state}"


def _source(source: Any) -> str:
    return ", ".join(filter(None, (source.organisation, source.title, str(source.year or ""), source.where)))


def _alert(level: str, alert: Alert) -> dict[str, Any]:
    proposed = " (proposé par le projet)" if alert.basis == str(Basis.PROPOSED) else ""
    return {"level": level, "critical": alert.severity is Severity.CRITICAL, "said": f"{alert.message}{proposed}"}


def _maintained(one: Assessment, said: Override | None) -> str:
    """Return why a request was kept against the advice, or that nothing was said of it."""
    if one.outcome not in AGAINST:
        return ""
    reason = OVERRIDES.displays.get(said.reason, "") if said else ""
    return " : ".join(filter(None, (reason, said.comment if said else ""))) or f"raison {NOT_SAID}e"


def _after(made: _Document) -> Iterator[dict[str, str]]:
    """Yield the advice on the request completed by what the prescriber answered."""
    if made.answers:
        for one in _told(made.service.judge(made.request), made.service):
            yield {"word": french.capital(one.outcome.french), "reason": one.reason, "rule": _rule(one)}


def _decision(made: _Document) -> dict[str, str] | None:
    """Return what the radiologist decided and said."""
    row = made.row
    settled = row.state in (ReviewState.DECIDED, ReviewState.POSTPONED)
    if row.status is RequestStatus.WITHDRAWN or not settled or row.decision is None:
        return None
    titles = {
        Decision.APPROVE: "Demande validée", Decision.APPROVE_WITH_PROTOCOL: "Demande validée, protocole du radiologue",
        Decision.SUBSTITUTE: "Examen remplacé par le radiologue", Decision.ASK: "Précision demandée", Decision.REFUSE: "Demande refusée",
        Decision.POSTPONE: "Demande reportée",
    }  # fmt: skip
    return {"title": titles[row.decision], "said": row.reason or "", "when": french.instant(row.decided_at) if row.decided_at else ""}


def _alerts_of(made: _Document, name: str, looked: Particulars) -> tuple[tuple[str, Alert], ...]:
    """Return the alerts on the exam that replaces: those on the exam asked for first say nothing of it."""
    words = ", ".join(filter(None, (name, SIDES.get(looked.laterality, ""))))
    judged = made.service.judge(replace(made.request, exam_text=words, exam_codes=()))
    found = [one for one in judged if one.exam == made.row.substituted_exam] or list(judged)
    return tuple(dict.fromkeys(shown for one in _told(found, made.service) for shown in alerts_shown(one)))
