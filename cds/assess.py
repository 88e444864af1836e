"""Judge a request: facts, situations, rule, outcome, what to do instead, what is missing.

The order of judgement: safety and emergency first (never slowed by completeness), situations, rule, alternatives,
redundancy, completeness. Pure: the same request and base give the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from pertimage.cds.alerts import alerts, most_serious_first
from pertimage.cds.alternatives import alternatives, instead_of_excluded, offer_of
from pertimage.cds.availability import Availability
from pertimage.cds.completeness import missing_items, motive
from pertimage.cds.exam_codes import CodedOrder
from pertimage.cds.exams import ExamMention, ExamRecogniser
from pertimage.cds.history import History
from pertimage.cds.model import (
    Alert,
    AlertKind,
    Alternative,
    Assessment,
    FactFound,
    ImagingRequest,
    Missing,
    Outcome,
    Policy,
    PriorExam,
    Severity,
    SourceCited,
    Status,
    TextPart,
)  # fmt: skip
from pertimage.cds.pathways import fast_track
from pertimage.cds.safety import Safeguard
from pertimage.cds.situations import Conclusion, conclude, opened, preferred, without_general
from pertimage.cds.speech import bounded
from pertimage.cds.territory import Territory, with_waits
from pertimage.cds.text.reading import Reading, read
from pertimage.guidelines.base import GuidelineBase, Rule, Sheet
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.conditions import FactTest, Wanted
from pertimage.guidelines.local_rules import overlaid
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.words import fold

FLAGGED = frozenset((Outcome.NOT_INDICATED, Outcome.ALTERNATIVE, Outcome.INCOMPLETE))
ALWAYS_SHOWN = frozenset(("age", "duree", "grossesse", "dfg", "allergie-contraste", "dispositif-implante", "contre-indication-irm"))
_ANTECEDENTS = re.compile(r"\b(atcds?|antecedents?)\b[^.;\n]*")
_NOT_LETTERS = re.compile(r"[^a-z]+")
# No letter has as many characters: beyond, the text is not read to its end, and the answer says so.
LONGEST_TEXT = 50_000
SILENCED = "Règle mise en silence localement : le référentiel ne se prononce pas. Ce n'est pas une approbation."
# Words that fill a request without saying why.
_EMPTY_WORDS = frozenset(
    "bilan svp merci pour de du la le les des un une en et faire prevoir demande examen ordonnance urgent rapidement dossier patient patiente mme mr madame monsieur "
    "controle cher confrere bonjour ans an homme femme realiser bien confraternellement cordialement confraternelles confraternel salutations sentiments remercie avance "
    "je vous nous ce cette jour aujourd hui adresse confie votre aide prie croire agreer recevoir mes meilleurs meilleures sinceres distingues distinguees "
    "expression messieurs docteur dr avec bien tres".split()
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The exam that a request names: catalogue id, or the exams that its words or its code may mean, and its side.

    ``codes`` is what the codes say; ``contradicted`` when they say another side than the words or the body site.
    """

    exam: str | None
    candidates: tuple[str, ...] = ()
    contrast: bool | None = None
    laterality: str = ""
    phrase: str = ""
    codes: CodedOrder = field(default_factory=CodedOrder)
    contradicted: bool = False


def assess(
    request: ImagingRequest, base: GuidelineBase, policy: Policy | None = None, on: date | None = None, territory: Territory | None = None
) -> tuple[Assessment, ...]:
    """Return one assessment for each exam that the request names (at least one, even when it names none).

    ``on`` is the day whose rules judge; by default the day the request was written, else the whole base. Of a text longer than
    ``LONGEST_TEXT`` characters only the beginning is read: emergencies are heard there, and the outcome is incomplete. ``territory``
    is what can be had and how long it waits: it ranks alternatives of the same dose and tells their wait.
    """
    policy = policy or Policy()
    request, whole = bounded_text(request)
    day = on or request.authored
    whole_base = overlaid(base, policy.local_rules)
    dated = whole_base.at(day) if day else whole_base
    exams = recogniser(dated.catalogue)
    judged = ((asked, read(request, dated.lexicon, dated.openers, asked.exam)) for asked in requested(request, exams))
    return tuple(
        _Judgement(request, dated, policy, reading, exams, asked, whole, territory or Territory()).assessment() for asked, reading in judged
    )


def bounded_text(request: ImagingRequest) -> tuple[ImagingRequest, bool]:
    """Return the request with its text cut at ``LONGEST_TEXT`` characters, and whether it is whole."""
    if sum(len(part.text) + 1 for part in request.texts) <= LONGEST_TEXT:
        return request, True
    return replace(request, texts=(TextPart("text", request.narrative[:LONGEST_TEXT]),)), False


_recognisers: dict[int, tuple[Catalogue, ExamRecogniser]] = {}


def recogniser(catalogue: Catalogue) -> ExamRecogniser:
    """Return the recogniser of a catalogue, built once."""
    known = _recognisers.get(id(catalogue))
    if known is None:
        built = ExamRecogniser(catalogue.exams.values(), catalogue.regions, catalogue.techniques, catalogue.abbreviations, catalogue.codes)
        known = _recognisers[id(catalogue)] = (catalogue, built)
    return known[1]


def requested(request: ImagingRequest, exams: ExamRecogniser) -> tuple[Asked, ...]:
    """Return the exams a request asks for: by code, else by its exam text, else by its narrative; one empty if none.

    The words are not read when a code designates something else than an exam (a guided gesture, a dental film…).
    """
    order = exams.coded((code.system, code.code) for code in request.exam_codes)
    mentions = exams.in_text(request.exam_text) or exams.in_text(" ".join(code.display for code in request.exam_codes))
    phrase = request.exam_text or " ".join(f"code {code}" for code in order.unknown)
    if order.exams:
        return _by_codes(order, mentions, request, exams)
    if order.outside:
        return (Asked(None, phrase=phrase, codes=order),)
    if not any(mention.exam or mention.modality for mention in mentions):
        mentions = exams.in_text(request.narrative, narrative=True)
    found = [_asked(mention, request, order, exams) for mention in mentions]
    unique = {(asked.exam, asked.candidates if asked.exam is None else ()): asked for asked in found}
    return tuple(unique.values()) or (Asked(None, phrase=phrase, codes=order),)


def _by_codes(order: CodedOrder, mentions: tuple[ExamMention, ...], request: ImagingRequest, exams: ExamRecogniser) -> tuple[Asked, ...]:
    """Return the exams of the codes; of those that one code shares, the words choose, and nothing else does."""
    named = next((mention.exam for mention in mentions if mention.exam in order.exams), None)
    settled = order.together or exams.settled(order.exams)
    if named is None and not settled:
        told = exams.in_text(request.narrative, narrative=True)
        named = next((mention.exam for mention in told if mention.exam in order.exams), None)
    contrast = next((mention.contrast for mention in mentions if mention.contrast is not None), None)
    side = request.laterality or next((mention.laterality for mention in mentions if mention.laterality), "")
    chosen = order.exams if order.together else (named or (order.exams[0] if settled else None),)
    return tuple(
        Asked(
            exam,
            () if exam else order.exams,
            contrast if order.contrast is None else order.contrast,
            side or order.laterality,
            request.exam_text,
            order,
            bool(side and order.laterality and side != order.laterality),
        )
        for exam in chosen
    )


def _asked(mention: ExamMention, request: ImagingRequest, order: CodedOrder, exams: ExamRecogniser) -> Asked:
    candidates = () if mention.exam else exams.candidates(mention)
    side = request.laterality or mention.laterality or order.laterality
    contrast = order.contrast if mention.contrast is None else mention.contrast
    return Asked(mention.exam, candidates, contrast, side, mention.phrase, order)


def as_asked(entry: ExamForm, asked: Asked) -> ExamForm:
    """Return an exam of the catalogue as it is asked for: with contrast when the words or the code say so, without when the code does."""
    if asked.contrast is None or asked.contrast is entry.contrast:
        return entry
    if asked.contrast or asked.codes.contrast is False:
        return entry.model_copy(update={"contrast": asked.contrast})
    return entry


class _Judgement:
    """One exam of one request, on its way to an assessment."""

    def __init__(
        self,
        request: ImagingRequest,
        base: GuidelineBase,
        policy: Policy,
        reading: Reading,
        exams: ExamRecogniser,
        asked: Asked,
        whole: bool,
        territory: Territory,
    ) -> None:
        self._request, self._base, self._policy, self._reading, self._exams, self._asked = request, base, policy, reading, exams, asked
        self._whole, self._territory = whole, territory
        self._safeguard = Safeguard(base, reading.facts)
        self._histories: dict[str | None, History] = {}

    def assessment(self) -> Assessment:
        opened_sheets = opened(self._base, self._reading, self._asked.exam)
        exam = self._asked.exam or self._by_situation(opened_sheets)
        lineage = self._lineage(exam)
        conclusions = [c for sheet, place in opened_sheets if (c := conclude(sheet, place, exam, lineage, self._reading)) is not None]
        emergencies = [c for c in conclusions if c.emergency]
        kept = without_general(conclusions)
        chosen = preferred(kept) if kept else None
        if not self._whole:
            return self._unread(exam, chosen, emergencies)
        if chosen is None or chosen.outcome is None:
            return self._silent(exam, chosen, emergencies)
        return self._judged(exam, chosen, emergencies, tuple(c.sheet.id for c in kept if c.outcome is not None))

    def _lineage(self, exam: str | None) -> tuple[str, ...]:
        """Return the exams whose position holds for this one: itself, its parents, else its variants."""
        if exam is None:
            return ()
        catalogue = self._base.catalogue
        return (exam, *catalogue.parents(exam), *catalogue.variants(exam))

    def _entry(self, exam: str | None) -> ExamForm | None:
        return as_asked(self._base.catalogue.exams[exam], self._asked) if exam else None

    def _by_situation(self, sheets: list[tuple[Sheet, int]]) -> str | None:
        """Return the exam of the situation that loose words mean (« IRM » for a headache): the one its rules support, else its first."""
        candidates, exams = frozenset(self._asked.candidates), self._base.catalogue.exams
        rank = {sheet.id: (place, -self._said(sheet, place)) for sheet, place in sheets}
        placed = sorted(sheets, key=lambda pair: rank[pair[0].id])
        meant = [(sheet, place, exam) for sheet, place in placed for exam in sheet.exams if exam in candidates]
        as_asked = [one for one in meant if self._asked.contrast is None or exams[one[2]].contrast is self._asked.contrast] or meant
        speaking = [one for one in as_asked if self._outcome(*one) is not None] or as_asked
        supported = (one for one in speaking if rank[one[0].id] == rank[speaking[0][0].id] and self._outcome(*one) is Outcome.APPROPRIATE)
        return next(supported, speaking[0])[2] if speaking else None

    def _said(self, sheet: Sheet, place: int) -> int:
        """Return how many characters at a place open a sheet: « entorse du genou » says more than « entorse »."""
        return max(
            (fact.end - place for fact in self._reading.found if fact.start == place and fact.fact in sheet.trigger_facts), default=0
        )

    def _outcome(self, sheet: Sheet, place: int, exam: str) -> Outcome | None:
        found = conclude(sheet, place, exam, self._lineage(exam), self._reading)
        return found.outcome if found else None

    def _unread(self, exam: str | None, chosen: Conclusion | None, emergencies: list[Conclusion]) -> Assessment:
        """Answer when the end of the text was not read: what it may hold is unknown."""
        summary = motive(
            self._base.tables.completeness, "Pouvez-vous résumer le motif (symptôme, durée, signes associés) en quelques lignes ?"
        )
        reason = (
            f"Le texte dépasse {LONGEST_TEXT // 1000} 000 caractères : la suite n'a pas été lue, le référentiel ne peut pas se prononcer."
        )
        situations = (chosen.sheet.id,) if chosen else ()
        return self._built(exam, Outcome.INCOMPLETE, reason, emergencies, situations=situations, asked=(summary,))

    def _silent(self, exam: str | None, chosen: Conclusion | None, emergencies: list[Conclusion]) -> Assessment:
        """Answer when no rule speaks: nothing asked or no reason is incomplete, the rest is outside the guidance."""
        if outside := self._asked.codes.outside:
            reason = f"Le code transmis désigne {outside} : le référentiel ne se prononce pas. Ce n'est pas une approbation."
            return self._built(exam, Outcome.NO_GUIDANCE, reason, emergencies)
        if self._asked.exam is None and not self._asked.candidates and not self._asked.phrase.strip():
            vague = f"Le code transmis désigne {self._asked.codes.vague}." if self._asked.codes.vague else ""
            return self._built(exam, Outcome.INCOMPLETE, vague or "La demande ne nomme aucun examen.", emergencies)
        if not self._has_reason():
            return self._built(
                exam,
                Outcome.INCOMPLETE,
                "Aucun motif clinique n'est donné : le référentiel ne peut pas se prononcer.",
                emergencies,
                asked=(motive(self._base.tables.completeness),),
            )
        if exam is None and not self._asked.candidates:
            reason = "L'examen demandé n'a pas été reconnu : le référentiel ne se prononce pas. Ce n'est pas une approbation."
        elif chosen is None:
            reason = "Aucune fiche du référentiel ne couvre ce motif : il ne se prononce pas. Ce n'est pas une approbation."
        else:
            reason = f"La fiche « {chosen.sheet.title} » ne dit rien de cet examen : le référentiel ne se prononce pas. Ce n'est pas une approbation."
        return self._built(exam, Outcome.NO_GUIDANCE, reason, emergencies, situations=(chosen.sheet.id,) if chosen else ())

    def _has_reason(self) -> bool:
        """Say whether the text gives any reason: a fact, or words, besides those that name the exam."""
        text = self._request.narrative
        named = self._exams.in_text(text)
        within = [(mention.start, mention.end) for mention in named]
        stated = (
            fact
            for fact in self._reading.found
            if fact.start >= 0 and fact.status in (Status.PRESENT, Status.HYPOTHETICAL) and fact.fact not in ("age", "duree")
        )
        if self._request.reason_codes or any(
            not any(first <= fact.start and fact.end <= last for first, last in within) for fact in stated
        ):
            return True
        for first, last in within:
            text = text[:first] + " " * (last - first) + text[last:]
        return any(len(word) > 1 and word not in _EMPTY_WORDS for word in _NOT_LETTERS.sub(" ", _ANTECEDENTS.sub(" ", fold(text))).split())

    def _judged(self, exam: str | None, chosen: Conclusion, emergencies: list[Conclusion], situations: tuple[str, ...]) -> Assessment:
        asked = tuple(Missing(fact, chosen.sheet.questions.get(fact, fact)) for fact in chosen.asked)
        told = chosen.outcome or Outcome.NO_GUIDANCE
        if f"{chosen.sheet.id}/{chosen.rule.id}" in self._policy.silenced_rules and told is not Outcome.INCOMPLETE and not emergencies:
            return self._hushed(exam, chosen, told)
        outcome, reason, absent = told, self._why(chosen, emergencies), None
        offers = alternatives(
            chosen, exam, self._base.catalogue, self._policy, self._safeguard, self._territory, spare=self._history(exam).vigilant
        )
        offers = self._nearest_first(offers)
        if outcome is Outcome.APPROPRIATE and not self._urgent(emergencies) and (instead := self._instead(exam, chosen)):
            outcome, offers = Outcome.ALTERNATIVE, instead
            reason = f"{reason} Mais chez ce patient, un autre examen est préférable : voir l'alerte de sécurité."
        elif not emergencies:
            offers, absent = self._at_hand(chosen, outcome).weighed(
                exam, chosen, outcome, offers, partial(offer_of, catalogue=self._base.catalogue)
            )
        return self._built(
            exam, outcome, reason, emergencies, situations=situations, chosen=chosen, asked=asked, offers=offers, more=(absent,) if absent else (),
        )  # fmt: skip

    def _nearest_first(self, offers: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
        """Return offers with, among those of one technique that stand alike, the region that the words name first.

        A sheet about any limb supports films of each segment: the foot comes first for a foot.
        """
        exams = self._base.catalogue.exams
        kinds = [(one.when, exams[one.exam].modality) if one.exam in exams else None for one in offers]
        alike = {kind for kind in kinds if kind and kinds.count(kind) > 1}
        if not alike or not (named := self._exams.regions_in(self._request.narrative)):
            return offers
        ranked = {
            kind: iter(
                sorted(
                    (one for one, own in zip(offers, kinds, strict=True) if own == kind),
                    key=lambda one: not self._exams.near(one.exam, named),
                )
            )
            for kind in alike
        }
        return tuple(next(ranked[kind]) if kind in alike else one for one, kind in zip(offers, kinds, strict=True))

    def _at_hand(self, chosen: Conclusion, outcome: Outcome) -> Availability:
        """Return what can be had on the territory, for a request that may wait or not."""
        fast = fast_track(self._base.tables.pathways, chosen, outcome) is not None
        urgent = self._request.priority != "routine"
        return Availability(self._base, self._policy, self._territory, chosen.facts, self._safeguard, urgent=urgent, fast=fast)

    def _hushed(self, exam: str | None, chosen: Conclusion, outcome: Outcome) -> Assessment:
        """Answer for a rule put to silence: what it says is kept for the record, and nothing of it is told."""
        told = self._built(exam, Outcome.NO_GUIDANCE, SILENCED, [], situations=(chosen.sheet.id,))
        return replace(told, rule=f"{chosen.sheet.id}/{chosen.rule.id}", silenced=outcome)

    def _urgent(self, emergencies: list[Conclusion]) -> bool:
        """Say whether safety may not delay the exam."""
        return bool(emergencies) or self._request.priority == "stat"

    def _instead(self, exam: str | None, chosen: Conclusion) -> tuple[Alternative, ...]:
        """Return what suits the patient in place of an exam that the rule supports without knowing what excludes it."""
        excluding = self._safeguard.unknown_to(chosen, self._safeguard.excluding(self._entry(exam)))
        return (
            instead_of_excluded(chosen, exam, self._base.catalogue, self._policy, self._safeguard, self._territory, excluding)
            if exam and excluding
            else ()
        )

    def _why(self, chosen: Conclusion, emergencies: list[Conclusion]) -> str:
        if chosen.outcome is Outcome.INCOMPLETE:
            wanted = " ".join(chosen.sheet.questions.get(fact, fact) for fact in chosen.asked)
            return f"L'avis dépend d'une précision : {wanted}"
        others = [c for c in emergencies if c.sheet.id != chosen.sheet.id and c.rule.why != chosen.rule.why]
        return f"{others[0].rule.why} {chosen.rule.why}" if others and not chosen.emergency else chosen.rule.why

    def _built(
        self, exam: str | None, outcome: Outcome, reason: str, emergencies: list[Conclusion], *, situations: tuple[str, ...] = (),
        chosen: Conclusion | None = None, asked: tuple[Missing, ...] = (), offers: tuple[Alternative, ...] = (), more: tuple[Alert, ...] = (),
    ) -> Assessment:  # fmt: skip
        entry = self._entry(exam)
        missing = missing_items(
            self._request, self._reading, entry, self._asked.laterality, self._base.tables.completeness, asked=asked, emergency=bool(emergencies)
        )  # fmt: skip
        history = self._history(exam)
        raised = alerts(self._request, self._reading, entry, missing, self._base.lexicon, self._safeguard, self._urgent(emergencies))
        raised = most_serious_first((*raised, *more, *self._sides(entry), *history.alerts(bool(emergencies or (chosen and chosen.raised)))))
        raised = bounded(raised, self._policy)
        critical = [str(alert.kind) for alert in raised if alert.severity is Severity.CRITICAL]
        reasons = (*((str(outcome),) if outcome in FLAGGED else ()), *(("emergency",) if emergencies else ()), *dict.fromkeys(critical))
        rule = chosen.rule if chosen else None
        return Assessment(
            request=self._request.id, outcome=outcome, exam=exam, guidelines=self._base.version, reason=_with_emergency(reason, emergencies),
            pathway="emergency" if emergencies else None, exam_label=entry.label if entry else self._asked.phrase,
            situations=situations, rule=f"{chosen.sheet.id}/{chosen.rule.id}" if chosen and outcome is not Outcome.INCOMPLETE else None,
            facts=self._relevant(chosen, entry), missing=missing, alternatives=with_waits(offers, self._territory, self._base.catalogue), alerts=raised,
            sources=_cited(rule) if rule else (), dose=history.dose, flagged=bool(reasons), flag_reasons=reasons,
            absent_flags=self._absent(chosen) if chosen else (),
            review_state="draft" if chosen is None or chosen.sheet.state != "publie" else "reviewed", policy=self._policy.digest, territory=self._territory.digest,
            fast_track=fast_track(self._base.tables.pathways, chosen, outcome) if chosen and not emergencies else None,
        )  # fmt: skip

    def _relevant(self, chosen: Conclusion | None, exam: ExamForm | None) -> tuple[FactFound, ...]:
        """Return the facts that the sheet or safety speak of, or all that the words state when no sheet speaks."""
        if chosen is None:
            return tuple(fact for fact in self._reading.found if fact.start >= 0)
        shown = chosen.sheet.vocabulary | ALWAYS_SHOWN | self._safeguard.facts(exam)
        return tuple(fact for fact in self._reading.found if fact.fact in shown)

    def _sides(self, exam: ExamForm | None) -> tuple[Alert, ...]:
        """Return the alert of a side that the code and the words contradict."""
        if not self._asked.contradicted or exam is None or not exam.lateral:
            return ()
        message = "Le côté du code et le côté écrit se contredisent : le préciser avant l'examen."
        return (Alert(AlertKind.LATERALITY, Severity.WARNING, message),)

    def _history(self, exam: str | None) -> History:
        """Return the exams already known, beside the one judged."""
        if exam not in self._histories:
            entry = self._entry(exam)
            self._histories[exam] = History(
                self._request, self._base, self._policy, self._reading, entry, self._asked.laterality, self._exams, self._exam_of
            )
        return self._histories[exam]

    def _exam_of(self, earlier: PriorExam) -> str | None:
        coded = self._exams.by_codes((code.system, code.code) for code in earlier.codes)
        named = [mention.exam for mention in self._exams.in_text(earlier.text) if mention.exam]
        return next(iter([exam for exam in named if exam in coded] or (*coded, *named)), None)

    def _absent(self, chosen: Conclusion) -> tuple[Missing, ...]:
        """Return the two or three red flags that matter most and that nothing states: « en l'absence de… »."""
        if chosen.raised or chosen.outcome is Outcome.INCOMPLETE:
            return ()
        silent: dict[str, Missing] = {}
        for flag in chosen.sheet.flags:
            for test in flag.condition[0]:
                if isinstance(test, FactTest) and test.wanted is Wanted.YES and test.fact not in self._reading.truth:
                    fact = self._base.lexicon.facts[test.fact]
                    silent.setdefault(test.fact, Missing(test.fact, fact.question))
                    break
        return tuple(silent.values())[:3]


def _with_emergency(reason: str, emergencies: list[Conclusion]) -> str:
    if not emergencies or "urgence" in reason.lower() or "15" in reason:
        return reason
    return f"Urgences ou appel du 15 sans attendre. {reason}"


def _cited(rule: Rule) -> tuple[SourceCited, ...]:
    return tuple(SourceCited(source.organisation, source.title, source.year, source.where) for source in rule.sources)


__all__ = ["Asked", "FactFound", "assess", "requested"]
