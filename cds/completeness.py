"""What the request lacks: the five items of CSP R.1333-53, and what safety asks of each technique.

« Aucun », « non connu », « pas d'allergie » count as stated: the item is a question answered, not a finding. A missing legal
or safety item never changes the outcome; it is listed, ``blocking`` when the law (irradiating exam) or safety demands it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pertimage.cds.model import ImagingRequest, Missing, Sex, Status
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.schema import ExamForm, Modality
from pertimage.guidelines.words import fold

FERTILE_AGES = (15.0, 50.0)  # CSP R.1333-58 names no age; 15-50 is the project's parameter

_PURPOSE = re.compile(
    r"\?|\b(recherch|elimin|bilan|suspicion|susp|suspect|controle|suivi|surveillance|preop|pre-op|confirm|verifi|evalu|depist|stade|extension|avant|finalite|hypothese|exclu|infirm"
    r"|reevalu|discut|localis|objectif|but de l'examen|question|quid|diagnostic|doute|r/o|pour (?!rassurer)\w+er)"
)
_TECHNIQUE = r"(radio|rx|irm|scanner|tdm|echo\w*|mammo\w*|imagerie|scinti\w*|doppler|cliche)"
_PRIOR = re.compile(
    r"(examens? (d'imagerie )?anterieurs?|imagerie anterieure|jamais d'imagerie|jamais explor"
    r"|(pas|aucune?|sans|jamais|premiere?|1ere|1re) (d'|de |eu d')?(imagerie|radio|irm|scanner|examen|echo|tdm|mammo)"
    rf"|{_TECHNIQUE}s?( \w+){{0,3}} (normale?s?|faite?s?|realisee?s?|anterieure?s?|precedente?s?|ras|nle?|montr\w+|retrouv\w+|negati\w+)"
    rf"|{_TECHNIQUE}s?( \w+){{0,3}} (du \d|de \d{{4}}|en \d{{4}}|il y a|en ville)"
    r"|comparaison|deja (eu|fait)|derniere? (radio|irm|scanner|echo|mammo|imagerie)|examens? precedents?|(radio|rx|irm|scanner|tdm|echo\w*|mammo\w*)( \w+)? ?(:|\(?(19|20)\d\d))"
)
_HISTORY = re.compile(
    r"\b(atcds?|antecedents?|antcd|opere|operee|chirurgie|chir|allergie|sans antecedent|terrain|connu pour|suivi pour|traite|cancer|hta|diabet\w*|bpco)\b"
)
_SIDE = re.compile(r"\b(gauches?|gches?|gch|droite?s?|dte?|drt|bilat\w*|bilateral\w*|les deux|deux cotes|cote [dg])\b|\b[dgDG]\b(?!['’])")
_URGENCY = re.compile(
    r"\b(urgen\w*|immediat\w*|rapid\w*|des que possible|aggrav\w*|brutal\w*|aigu\w*|severe|hyperalgique|insomniant\w*|deficit\w*|febril\w*|fievre|suspicion|intense)\b"
)


@dataclass(frozen=True, slots=True)
class Dossier:
    """What completeness looks at: the request, its reading, the exam, and the text made comparable."""

    request: ImagingRequest
    reading: Reading
    exam: ExamForm | None
    folded: str
    laterality: str

    def states(self, fact: str) -> bool:
        """Say whether the fact is known, one way or the other."""
        return fact in self.reading.truth or fact in self.reading.values

    @property
    def irradiating(self) -> bool:
        """Say whether the exam uses ionising radiation."""
        return self.exam is not None and self.exam.modality.irradiating


def missing_items(request: ImagingRequest, reading: Reading, exam: ExamForm | None, laterality: str) -> tuple[Missing, ...]:
    """Return what the request lacks for that exam, the most serious first; the clinical questions are the sheets' matter."""
    dossier = Dossier(request, reading, exam, fold(request.narrative), laterality)
    found = [item for check in _CHECKS if (item := check(dossier)) is not None]
    return tuple(sorted(found, key=lambda item: not item.blocking))


def _region(dossier: Dossier) -> Missing | None:
    if dossier.exam is None:
        return Missing("region", "Quel examen demandez-vous, et de quelle région du corps ?", True)
    return None


def _pregnancy(dossier: Dossier) -> Missing | None:
    exam, age = dossier.exam, dossier.reading.values.get("age")
    concerned = exam is not None and exam.modality.irradiating and exam.uterus_in_field and dossier.reading.sex == Sex.FEMALE
    if not concerned or (age is not None and not FERTILE_AGES[0] <= age <= FERTILE_AGES[1]) or dossier.states("grossesse"):
        return None
    return Missing("grossesse", "La patiente est-elle enceinte ou peut-elle l'être ?", True)


def _side(dossier: Dossier) -> Missing | None:
    if dossier.exam is None or not dossier.exam.lateral or dossier.laterality:
        return None
    if _SIDE.search(dossier.folded) or _SIDE.search(fold(dossier.request.exam_text)):
        return None
    return Missing("lateralite", "De quel côté : droit, gauche ou les deux ?", True)


def _device(dossier: Dossier) -> Missing | None:
    if (
        dossier.exam is None
        or dossier.exam.modality is not Modality.MRI
        or dossier.states("dispositif-implante")
        or dossier.states("contre-indication-irm")
    ):
        return None
    return Missing(
        "dispositif-implante", "Stimulateur cardiaque, autre dispositif implanté ou corps étranger métallique dans l'œil ?", True
    )


def _contrast_reaction(dossier: Dossier) -> Missing | None:
    exam = dossier.exam
    if exam is None or not exam.contrast or exam.modality not in (Modality.CT, Modality.MRI) or dossier.states("allergie-contraste"):
        return None
    return Missing("allergie-contraste", "Réaction antérieure à un produit de contraste ?", True)


def _renal(dossier: Dossier) -> Missing | None:
    exam = dossier.exam
    at_risk = any(dossier.reading.truth.get(fact) for fact in ("insuffisance-renale", "diabete", "hta"))
    if exam is None or not exam.contrast or exam.modality is not Modality.CT or not at_risk or "dfg" in dossier.reading.values:
        return None
    return Missing("dfg", "Quel est le DFG (créatininémie de moins de 3 mois) ?", True)


def _purpose(dossier: Dossier) -> Missing | None:
    hypothetical = any(fact.status is Status.HYPOTHETICAL for fact in dossier.reading.found)
    if hypothetical or _PURPOSE.search(dossier.folded):
        return None
    return Missing("finalite", "Que cherchez-vous, ou que changera le résultat ?", dossier.irradiating)


def _prior(dossier: Dossier) -> Missing | None:
    if dossier.request.prior_exams or dossier.states("imagerie-deja-faite") or _PRIOR.search(dossier.folded):
        return None
    return Missing("examens-anterieurs", "Y a-t-il des examens d'imagerie antérieurs (ou aucun) ?", dossier.irradiating)


def _history(dossier: Dossier) -> Missing | None:
    heavy = dossier.exam is not None and dossier.exam.modality not in (Modality.RADIOGRAPHY, Modality.ULTRASOUND)
    if not heavy or _HISTORY.search(dossier.folded) or any(fact.status is Status.PAST for fact in dossier.reading.found):
        return None
    return Missing("antecedents", "Quels antécédents utiles (chirurgie, cancer, traitement), ou aucun ?", False)


def _urgency(dossier: Dossier) -> Missing | None:
    if dossier.request.priority in ("", "routine") or _URGENCY.search(dossier.folded):
        return None
    return Missing("justification-urgence", "Pourquoi l'examen est-il urgent ?", False)


_CHECKS: tuple[Callable[[Dossier], Missing | None], ...] = (
    _region, _pregnancy, _side, _device, _contrast_reaction, _renal, _purpose, _prior, _history, _urgency,
)  # fmt: skip
