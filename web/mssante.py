"""The file to join to an MSSanté message: a request and the radiologist's answer, for the prescriber's own software to send.

Nothing is sent from here, and nobody is named: identity is for that software to add. The archive is therefore not an IHE XDM one,
whose metadata name the patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.worklist import Turn
from pertimage.cds.model import KnownFact, Status
from pertimage.fhir.cda_writer import Handover, write_document
from pertimage.guidelines.lexicon import Lexicon
from pertimage.web.pages import french
from pertimage.web.pages.recorded import Recorded, exam_label
from pertimage.web.service import Service

FILE_NAME = "demande-mssante.zip"
_TURNS = {
    "question": "Question du radiologue",
    "answer": "Réponse du prescripteur",
    "decision": "Décision du radiologue",
    "opinion": "Second avis",
}
_NOTICE = """\
Demande d'imagerie, à joindre à un message MSSanté

DEMANDE.TXT     la demande et la réponse du radiologue, à lire
DEMANDE.XML     les mêmes, document CDA R2 pour un logiciel
{pdf}
L'identité du patient n'y est pas : pertimage ne la connaît pas. Vérifiez de quel
patient il s'agit, puis laissez votre logiciel ajouter l'identité (INS), l'auteur et
les métadonnées avant l'envoi. Le document CDA ne se réclame d'aucun modèle du CI-SIS,
et cette archive n'est pas une archive IHE XDM : votre logiciel la fabrique.

Ces fichiers sont des données de santé. Messagerie ordinaire interdite.
"""


def handover(one: Recorded, thread: Sequence[Turn], prescriber: str, service: Service) -> Handover:
    """Return what is handed over of a signed request; ``prescriber`` is the account's name."""
    signed_at = utc_datetime(one.row.signed_at or one.row.created_at)
    context, asked = tuple(_context(one, service.base.lexicon)), one.request.exam_text
    request = replace(one.request, exam_text=exam_label(asked, service) or asked)
    return Handover(request, one.row.id, signed_at, prescriber, context, tuple(_answer(one, thread, service)))


def archive(given: Handover, pdf: bytes | None = None) -> bytes:
    """Return the archive (zip); ``pdf`` is the signed document, when there is one. The same request gives the same bytes."""
    files = {
        "LISEZ-MOI.TXT": _NOTICE.format(pdf="ORDONNANCE.PDF  la demande signée\n" if pdf else "").encode(),
        "DEMANDE.TXT": _plain(given).encode(),
        "DEMANDE.XML": write_document(given),
    }
    if pdf:
        files["ORDONNANCE.PDF"] = pdf
    local = given.signed_at.astimezone(PARIS)
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as packed:
        for name, content in files.items():
            entry = ZipInfo(name, (local.year, local.month, local.day, local.hour, local.minute, local.second))
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o600 << 16
            packed.writestr(entry, content)
    return buffer.getvalue()


def _context(one: Recorded, lexicon: Lexicon) -> Iterator[str]:
    """Yield what is known besides the words: age, and the facts that data state."""
    if one.request.age is not None:
        yield f"Âge : {french.age(one.request.age)}"
    for known in one.request.known:
        if words := _fact_words(known, lexicon):
            yield words


def _fact_words(known: KnownFact, lexicon: Lexicon) -> str:
    found = lexicon.facts.get(known.fact)
    if found is None or known.status not in (Status.PRESENT, Status.ABSENT):
        return ""
    if known.value is not None:
        return f"{french.capital(found.label)} : {french.number(known.value, 2)} {found.unit or ''}".strip()
    return french.capital(found.label if known.status is Status.PRESENT else french.denial(found.label))


def _answer(one: Recorded, thread: Sequence[Turn], service: Service) -> Iterator[str]:
    """Yield where the request stands, what belongs in the emergency department, then what was said."""
    yield f"État : {one.state}"
    if one.emergency:
        yield "Urgences ou 15 sans attendre : n'attendez pas la réponse du radiologue."
    said = [turn for turn in thread if turn.kind in _TURNS]
    if not any(turn.kind == "decision" for turn in said):
        yield "Pas encore de décision du radiologue."
    for turn in said:
        decided = f" : {turn.decision.french}" if turn.kind == "decision" and turn.decision else ""
        exam = f" ({exam_label(turn.exam, service) or turn.exam})" if turn.exam else ""
        yield f"{_TURNS[turn.kind]}{decided}{exam}, le {french.instant(turn.at)}{f' : {turn.text}' if turn.text else ''}"


def _plain(given: Handover) -> str:
    """Return the same in plain text."""
    request = given.request
    why = [*(f"- {part.text}" for part in request.texts), *(f"- {line}" for line in given.context)]
    answer = [f"- {line}" for line in given.answer]
    urgent = "" if request.priority == "routine" else "\nDemande urgente"
    return "\n".join([
        f"Examen demandé : {request.exam_text or 'non précisé'}{urgent}", f"Signée le {french.instant(given.signed_at)} par {given.prescriber}",
        f"Numéro : {given.number}", "Patient : à compléter", "", "Demande", *why, "", "Réponse du radiologue", *answer, "",
    ])  # fmt: skip
