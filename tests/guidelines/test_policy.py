"""The policy of a project as a text: what it may say, what it may not, and the line of each fault."""

from __future__ import annotations

import json
import random
import re
from datetime import date

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import AlertKind, Outcome
from pertimage.cds.policy import Policy, Voice, policy_of
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.local_rules import LocalRule, overlaid, refusals
from pertimage.guidelines.policy import ALERT_KINDS, KIND_WORDS, SAFETY, THRESHOLDS, PolicyForm, form_of, read_policy
from pertimage.web import labelled
from tests.project import read_text

BASE = load_base()
SIGNED = "auteur: Dr A, date: 2026-01-01, motif: essai"
LOCAL = """regles_locales:
  - fiche: lombalgie-commune
    auteur: Dr Martin
    date: 2026-10-12
    motif: avis local
    regle:
      id: x
      si: {si}
      positions: {{{positions}}}
      pourquoi: Avis local.
"""


def faults(text: str) -> list[str]:
    """Return the faults of a text, « line : message »."""
    form, found = read_policy(text, BASE)
    assert (form is None) is bool(found)
    return [f"{fault.line} : {fault.message}" for fault in found]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("alertes:\n  redondanc: {parle: oui}", 2, "vouliez-vous écrire « redondance »"),
        ("alertes:\n  redondance: {a_qui: [patient]}", 2, "prescripteur"),
        ("alertes:\n  redondance: {a_qui: []}", 2, "ne peut pas être vide"),
        ("alertes:\n  redondance: {quand: []}", 2, "ne peut pas être vide"),
        ("alertes:\n  redondance: {gravite: {min: critique, max: information}}", 2, "dépasse"),
        ("alertes:\n  redondance: {gravite: {min: fort}}", 2, "information"),
        ("alertes:\n  redondance: {parle: peut-etre}", 2, "oui ou non"),
        ("alertes: critique", 1, "clé: valeur"),
        ("seuils:\n  dfg: 3", 2, "seuil inconnu « dfg »"),
        ("seuils:\n  dose: 5", 2, "attend {ligne de la table: valeur}"),
        ("seuils:\n  dose_fenetre_mois: {a: 1}", 2, "attend une valeur"),
        ("seuils:\n  dose:\n    cumul-vigilanc: 5", 3, "vouliez-vous écrire « cumul-vigilance »"),
        ("seuils:\n  dose:\n    cumul-vigilance: beaucoup", 3, "n'est pas un nombre"),
        ("seuils:\n  dose:\n    cumul-vigilance: oui", 3, "n'est pas un nombre"),
        ("seuils:\n  dose:\n    scanners-du-tronc: 2.5", 3, "nombre entier"),
        ("seuils:\n  dose:\n    cumul-alerte: 900", 3, "hors des bornes (1 à 500"),
        ("seuils:\n  redondance_jours:\n    lombalgie: 30", 3, "ligne inconnue « lombalgie »"),  # « never without a change »: no interval
        ("seuils:\n  redondance_jours:\n    controle-fracture: 30", 3, "ligne inconnue"),  # « never told »
        ("examens_indisponibles:\n  - irm-rachis-lombair", 1, "vouliez-vous écrire « irm-rachis-lombaire »"),
        (f"regles_en_silence:\n  - {{regle: lombalgie-commune/recent, {SIGNED}}}", 2, "vouliez-vous écrire « lombalgie-commune/recente »"),
        (f"regles_en_silence:\n  - {{regle: lombalgie-commune/urgence, {SIGNED}}}", 2, "ne se met jamais en silence"),
        ("regles_en_silence:\n  - {regle: lombalgie-commune/recente}", 2, "il manque « auteur »"),
        (f"regles_en_silence:\n  - {{regle: lombalgie-commune/recente, {SIGNED.replace('essai', '')!r}}}", 2, ""),
        ("regles_en_silence:\n  - {regle: lombalgie-commune/recente, auteur: A, date: 2026-13-01, motif: m}", 2, "date impossible"),
        ("repetition_jours: -1", 1, "trop petit"),
        ("repetition_jours: 1.5", 1, "nombre entier"),
        ("repetition_jours: 400", 1, "trop grand"),
        ("titre: essai\ninconnu: 1", 2, "clé inconnue"),
        ("titre: a\ntitre: b", 2, "deux fois"),
        ("- liste", 1, "clé: valeur"),
        ("texte nu", 1, "clé: valeur"),
        ("alertes: [1", 2, "YAML illisible"),
        ("a: &a [*a]", 1, "imbriqué"),
        ("titre: " + "[" * 5_000 + "]" * 5_000, 1, "imbriqué"),
        (LOCAL.format(si="toujours", positions="irm-rachis-lombair: non_indique"), 2, "examen inconnu"),
        (LOCAL.format(si="toujours", positions="irm-rachis-lombaire: indique"), 2, "assouplit"),
        (LOCAL.format(si="{drapeau_rouge: imagerie}", positions="irm-rachis-lombaire: non_indique"), 2, "signe d'alerte"),
        (LOCAL.format(si="{fait-inconnu: oui}", positions="irm-rachis-lombaire: non_indique"), 2, "fait-inconnu"),
        (LOCAL.format(si="toujours", positions="irm-rachis-lombaire: specialiste").replace("lombalgie-commune", "lombalgie-commun"), 2, "fiche inconnue"),
        (LOCAL.format(si="toujours", positions="irm-rachis-lombaire: specialiste").replace("auteur: Dr Martin", "auteur: ''"), 3, "ne peut pas être vide"),
    ],
)  # fmt: skip
def test_a_fault_names_its_line(text: str, line: int, words: str) -> None:
    """What a policy may not say is refused in French, where it stands."""
    found = faults(text)
    assert any(one.startswith(f"{line} : ") and words in one for one in found), found


@pytest.mark.parametrize("kind", sorted(kind for kind, contract in ALERT_KINDS.items() if contract in SAFETY))
@pytest.mark.parametrize("voice", ["parle: non", "a_qui: [radiologue]", "quand: [order-sign]", "gravite: {max: attention}"])
def test_a_safety_alert_is_never_silent_nor_softer(kind: str, voice: str) -> None:
    """Whatever the way to hush it, an alert of safety is refused; louder, it is accepted."""
    assert any("alerte de sécurité" in one for one in faults(f"alertes: {{{kind}: {{{voice}}}}}"))
    assert faults(f"alertes: {{{kind}: {{gravite: {{min: critique}}}}}}") == []


def test_a_document_that_was_never_checked_hushes_no_safety_alert() -> None:
    """Read back from a journal written under other rules, it still lets them speak, as loud or louder."""
    policy = policy_of(
        PolicyForm.model_validate({"alertes": {"grossesse": {"parle": "non", "a_qui": ["radiologue"], "gravite": {"max": "information"}}}})
    )
    assert policy.voice("pregnancy") == Voice()


def test_a_local_rule_that_the_guidelines_no_longer_bear_is_left_out() -> None:
    """Laid over a base that refuses it, a rule changes no sheet, and the others of the policy still hold."""
    body = json.dumps({"id": "x", "si": "toujours", "positions": {"irm-rachis-lombaire": "indique"}, "pourquoi": "Essai."})
    good = json.dumps({"id": "y", "si": "toujours", "positions": {"echo-renale": "non_indique"}, "pourquoi": "Essai."})
    rules = tuple(LocalRule("lombalgie-commune", "Dr A", date(2026, 1, 1), "essai", one) for one in (body, good))
    ids = {rule.id for rule in overlaid(BASE, rules).sheets["lombalgie-commune"].rules}
    assert "local-y" in ids
    assert "local-x" not in ids
    assert overlaid(BASE, rules) is overlaid(BASE, rules)


def test_every_kind_of_alert_has_its_french_name() -> None:
    """Whatever alert the core raises, a policy can speak of it, and a page can name it."""
    assert set(ALERT_KINDS.values()) == set(AlertKind) == set(KIND_WORDS)
    assert set(AlertKind) >= SAFETY


def test_the_same_policy_written_otherwise_has_the_same_digest() -> None:
    """Comments, spaces, quotes and 30 for 30.0 change nothing; a value does."""
    one, _ = read_policy("seuils: {dose: {cumul-vigilance: 30}}\n", BASE)
    other, _ = read_policy("# commentaire\nseuils:\n  dose:\n    'cumul-vigilance': 30.0\nrepetition_jours: 30\n", BASE)
    changed, _ = read_policy("seuils: {dose: {cumul-vigilance: 31}}\n", BASE)
    assert one
    assert other
    assert changed
    assert one.digest == other.digest != changed.digest


def test_a_policy_is_read_back_from_its_canonical_form() -> None:
    """The journal keeps the canonical form: it gives the same parameters."""
    text = LOCAL.format(si="{duree: {au_moins: 3 mois}, chirurgie-envisagee: non}", positions="irm-rachis-lombaire: specialiste")
    text += (
        f"alertes: {{dose-cumulee: {{a_qui: [radiologue]}}}}\nregles_en_silence: [{{regle: lombalgie-commune/recente, {SIGNED}}}]\n"
        "seuils: {dose: {cumul-vigilance: 30}, redondance_oubli_jours: 400}\nexamens_indisponibles: [irm-rachis-lombaire]\nrepetition_jours: 7\n"
    )
    form, found = read_policy(text, BASE)
    assert found == []
    assert form
    assert policy_of(form_of(form.document)) == policy_of(form)
    assert form_of(form.document).document == form.document


def test_an_empty_policy_changes_nothing() -> None:
    """Without a word, the service's own settings judge, under the name of the empty document."""
    form, found = read_policy("# rien\n", BASE)
    assert found == []
    assert form == PolicyForm()
    assert policy_of(PolicyForm()) == Policy(digest=PolicyForm().digest)
    assert overlaid(BASE, ()) is BASE


def test_every_threshold_is_read_by_the_code() -> None:
    """A threshold that a project may set is one that a judgement reads."""
    form = PolicyForm.model_validate({"seuils": {name: {"x": 2} if one.table else 31 for name, one in THRESHOLDS.items()}})
    policy = policy_of(form)
    read = {name for name, _ in policy.thresholds} | {f"dose.{name}" for name, _ in policy.dose_thresholds}
    read |= {"dose_fenetre_mois"} if policy.dose_window_months == 31 else set()
    assert read == set(form.flat_thresholds())


def test_the_guide_tells_every_key_and_its_example_is_right() -> None:
    """docs/politique.md names each alert, threshold and key, and holds a policy that can be put in force."""
    guide = read_text("docs/politique.md")
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert faults(example) == []
    keys = {field.alias for field in PolicyForm.model_fields.values()}
    assert [name for name in {*ALERT_KINDS, *THRESHOLDS, *keys} if f"`{name}`" not in guide] == []


STRICTNESS = {Outcome.APPROPRIATE: 0, Outcome.INCOMPLETE: 1, Outcome.ALTERNATIVE: 1, Outcome.NOT_INDICATED: 2}
VERDICTS = ("non_indique", "specialiste", "cas_particuliers", "indique")


def random_rule(draw: random.Random) -> LocalRule:
    """Return a local rule at random, for a sheet at random."""
    sheet = draw.choice(list(BASE.sheets.values()))
    exam = draw.choice(sheet.exams if draw.random() < 0.8 else list(BASE.catalogue.exams))
    of_sheet = draw.choice(sheet.form.rules).model_dump(by_alias=True, mode="json")["si"]
    when = draw.choice(["toujours", {"duree": {"moins_de": "3 mois"}}, {"age": {"au_moins": 40}}, of_sheet])
    body = {"id": "x", "si": when, "positions": {exam: draw.choice(VERDICTS)}, "pourquoi": "Essai."}
    body |= {"d_abord": ["avis spécialisé"]} if draw.random() < 0.5 else {}
    return LocalRule(sheet.id, "Dr A", date(2026, 1, 1), "essai", json.dumps(body))


def test_a_local_rule_that_is_accepted_never_loosens_its_sheet() -> None:
    """Rules drawn at random: on every vignette of the sheet, no advice gets milder and no emergency changes."""
    draw, accepted = random.Random(2026), 0
    while accepted < 60:
        rule = random_rule(draw)
        if refusals(BASE, [rule]):
            continue
        accepted += 1
        for one in labelled.of_sheet(BASE.sheets[rule.sheet]):
            pairs = zip(assess(one.request, BASE), assess(one.request, BASE, Policy(local_rules=(rule,))), strict=True)
            for before, after in pairs:
                assert before.pathway == after.pathway, (rule, one.request)
                if before.pathway:
                    assert before.rule == after.rule
                if before.outcome in STRICTNESS:
                    assert STRICTNESS.get(after.outcome, -1) >= STRICTNESS[before.outcome], (rule, one.request)
