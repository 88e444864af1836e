"""JSON Schema of the authors' files, for editors that complete, explain and check YAML while one types.

Generated from the pydantic forms, under their French keys and with French explanations. It says what a file may look like; what
its names mean (a fact, an exam, a source that exists) is for ``guidelines check``, unless the schema is given the base's names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from pertimage.guidelines.completeness import ItemForm
from pertimage.guidelines.conditions import BOUNDS, SEXES, Wanted
from pertimage.guidelines.dose import DoseTableForm
from pertimage.guidelines.fallbacks import FallbacksForm
from pertimage.guidelines.pathways import PathwayForm
from pertimage.guidelines.redundancy import RedundancyForm
from pertimage.guidelines.restitution import RestitutionForm
from pertimage.guidelines.safety import SafetyForm
from pertimage.guidelines.schema import FRENCH_VERDICTS, SLUG, ExamForm, Fact, Form, SheetForm, WordsForm, french

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What each file of the base holds, by the name of its schema.
FORMS: Mapping[str, tuple[str, Any]] = {
    "fiche": ("Une situation clinique : fiches/<chapitre>/<id>.yaml", SheetForm),
    "lexique": ("Des faits et les mots qui les disent : lexique/<chapitre>.yaml", dict[str, Fact]),
    "examens": ("Le catalogue des examens : examens.yaml", list[ExamForm]),
    "redondance": ("Les examens répétés : transversal/redondance.yaml", RedundancyForm),
    "dose": ("Les doses et leurs seuils : transversal/dose.yaml", DoseTableForm),
    "completude": ("Ce qu'une demande doit dire : transversal/completude.yaml", dict[str, ItemForm]),
    "securite": ("Ce que l'état du patient dit d'un examen : transversal/securite.yaml", SafetyForm),
    "replis": ("Ce que l'on propose quand un examen n'est pas disponible : transversal/replis.yaml", FallbacksForm),
    "parcours": ("Les parcours sensibles au délai : transversal/parcours.yaml", dict[str, PathwayForm]),
    "restitution": ("Le suivi du résultat : transversal/restitution.yaml", RestitutionForm),
    "mots": ("Des régions ou des techniques et leurs mots : regions.yaml, techniques.yaml", dict[str, WordsForm]),
}
# What a French key means, whatever the form; ``Form.clé`` where it depends on it.
EXPLANATIONS: Mapping[str, str] = {
    "id": "Identifiant : minuscules sans accent, chiffres et tirets. C'est une adresse publique : ne plus le changer.",
    "titre": "Titre, tel que le lit un médecin.",
    "statut": "brouillon → relu → publie → retire.",
    "validite": "Dates entre lesquelles la fiche juge, et jour du dernier contrôle contre ses sources.",
    "depuis": "Premier jour où la fiche juge (AAAA-MM-JJ).",
    "jusqu_a": "Jour où elle cesse de juger ; une fiche se ferme par une date et ne s'efface pas.",
    "verifiee_le": "Jour où un humain l'a confrontée à ses sources.",
    "relecteurs": "Qui l'a relue.",
    "sources": "Sources vérifiées, sous un nom court que les règles citent.",
    "organisme": "HAS, SFR, ESC…",
    "annee": "Année du texte.",
    "consultee_le": "Jour où un document sans date a été lu (AAAA-MM-JJ).",
    "ou": "Où, dans le document : page, tableau, paragraphe.",
    "declencheurs": "Ce qui ouvre la fiche : faits, mots ou codes (un suffit), et pour quels patients.",
    "faits": "Faits du lexique, affirmés ou évoqués.",
    "Triggers.termes": "Mots propres à la fiche.",
    "Fact.termes": "Mots qui affirment le fait ; la négation est lue par le moteur.",
    "WordsForm.termes": "Mots qui nomment cette région ou cette technique.",
    "termes_absent": "Mots qui disent l'absence à eux seuls (« apyrétique »).",
    "cim10": "Codes CIM-10, ou leurs débuts : R50 vaut pour R50.9.",
    "cisp2": "Codes CISP-2.",
    "age": "Âge en années, bornes comprises.",
    "sexe": "femme ou homme.",
    "si": "Condition : une ligne par fait, toutes doivent être vraies ; une liste de conditions pour « ou » ; ou « toujours ».",
    "sauf_si": "Conditions qui disent le fait absent.",
    "precise": "Fiches plus générales qui s'effacent devant celle-ci.",
    "questions": "Faits qui changent l'avis et que l'on demande s'ils manquent, avec la question.",
    "question": "Question posée au prescripteur quand on ne sait pas.",
    "drapeaux_rouges": "Signes d'alerte.",
    "urgence": "Signes qui envoient aux urgences ou au 15.",
    "imagerie": "Signes qui rendent l'imagerie légitime.",
    "positions_communes": "Positions valables dans toutes les règles qui ne disent pas autre chose.",
    "regles": "Règles, lues dans l'ordre : la première vraie conclut.",
    "circuit": "urgences : tout de suite, sans attendre un rendez-vous.",
    "priorite": "1 : urgence ; 2 : dans les jours qui viennent ; 3 : dans les semaines qui viennent.",
    "positions": "Position sur chaque examen de la fiche : indique, cas_particuliers, specialiste ou non_indique.",
    "position": "indique, cas_particuliers, specialiste ou non_indique.",
    "quand": "À quelle condition, en mots, cet examen vaut.",
    "pourquoi": "La raison, en une phrase que lit le prescripteur.",
    "a_la_place": "Ce que l'on fait quand il n'y a rien à imager.",
    "d_abord": "Ce qui passe avant l'imagerie : ECG, TSH… L'avis devient « autre examen préférable ».",
    "source": "Nom d'une source de la fiche, ou liste de noms.",
    "note": "Désaccords entre sources, en clair.",
    "SheetForm.patient": "Ce que l'on peut dire au patient, en une ou deux phrases simples.",
    "ExamForm.patient": "Nom de l'examen pour le patient.",
    "vignettes": "Demandes inventées et l'avis attendu ; rejouées à chaque contrôle.",
    "texte": "La demande, comme un médecin l'écrit. Jamais une demande réelle.",
    "examen": "L'examen demandé, avec ses mots.",
    "attendu": "L'avis attendu.",
    "avis": "appropriate : pertinent ; alternative : autre examen préférable ; not-indicated : pas d'imagerie utile ; incomplete : à compléter ; no-guidance : hors référentiel.",
    "regle": "La règle qui doit conclure.",
    "libelle": "Comment on le nomme au médecin.",
    "passe": "compte : un antécédent suffit.",
    "famille": "compte : un antécédent familial suffit.",
    "hypothese": "compte : le doute suffit (« suspicion de… »).",
    "type": "oui-non, ou nombre pour une mesure.",
    "unite": "Unité de la mesure.",
    "unite_exigee": "oui : il faut le mot qui précède et l'unité qui suit.",
    "nombre_nu": "Bornes entre lesquelles un nombre seul vaut cette mesure.",
    "sur": "Bornes du second nombre, quand la mesure s'écrit en deux nombres (« 24/13 »).",
    "retient": "Quelle valeur compte quand le texte en donne plusieurs.",
    "bornes": "Hors de ces bornes, ce n'est pas cette mesure.",
    "avant": "Mots qui précèdent le nombre.",
    "apres": "Mots ou unités qui le suivent.",
    "modalite": "Technique, par son code DICOM.",
    "contraste": "Avec injection.",
    "lateralise": "L'examen a un côté.",
    "uterus_dans_le_champ": "L'utérus est dans le champ irradié.",
    "parent": "Examen plus général, dont il prend la position quand une fiche ne dit rien de lui.",
    "noms": "Autres mots qui le demandent.",
    "dose": "Dose typique, et la classe que lui donne la source nommée.",
    "tarif_eur": "Tarif de l'acte en euros, sans forfait technique.",
    "min": "Borne basse, comprise.",
    "max": "Borne haute, comprise.",
    "classe": "Classe de dose de la source : 0, I, II, III ou IV.",
    "msv": "Dose efficace typique, en mSv.",
    "region": "Région du corps (regions.yaml).",
    "ccam": "Actes de la CCAM, l'usuel en tête.",
    "loinc": "Codes LOINC.",
    "snomed": "Codes SNOMED CT.",
    "atc": "Codes ATC, ou leurs débuts.",
    "dans": "Régions ou techniques plus larges qui la contiennent.",
    "parmi": "Examens du catalogue, par leur id.",
    "techniques": "Techniques, par leur code DICOM.",
    "regions": "Régions du corps, avec celles qu'elles contiennent.",
    "irradiant": "L'examen emploie des rayons.",
    "fonde": "texte_lu, connaissance ou proposition : sur quoi la ligne repose.",
    "examens": "De quels examens il s'agit : un des critères de la liste suffit.",
    "niveau": "legal, clinique, securite ou logistique.",
    "rang": "Ordre des questions : la plus utile d'abord.",
    "aussi": "Autres cas où la question se pose.",
    "si_demande": "Ce qui, dans la demande, ouvre la question : urgente, sans_examen, sexe_inconnu ou jugement.",
    "bloquant": "oui, non, ou irradiant : oui pour un examen irradiant.",
    "en_urgence": "oui : reste demandé quand le patient relève des urgences.",
    "dit": "Ce qui vaut réponse.",
    "vrais": "Faits qui comptent quand ils sont vrais.",
    "faux": "Faits qui comptent quand ils sont faux.",
    "sujets": "Mots dont « aucun », « non connu », « pas de… » vaut réponse.",
    "inconnu_suffit": "non : « ne sait pas » laisse la question ouverte.",
    "mots": "Motifs cherchés dans le texte sans accents ni majuscules.",
    "dans_examen": "oui : cherche aussi ces mots dans l'intitulé de l'examen.",
    "demande": "Parties de la demande qui répondent : cote, examens_anterieurs, hypothese, antecedents.",
    "leve_par": "Ce qui rend la question inutile.",
    "ne_suffit_pas": "Ce qui a l'air d'une réponse sans en être une.",
    "date_de": "Motifs de ce dont l'ancienneté compte.",
    "depuis_moins_de": "Au plus vieux de tant : « 3 jours ».",
    "depuis_plus_de": "Plus vieux que tant : « 3 jours ».",
    "preuve": "Motifs des mots qui nient le fait.",
    "reponses": "Réponses en un clic, de la carte et de la page ; la carte propose la première.",
    "bouton": "Ce que montre le bouton.",
    "ecrit": "La phrase que le clic écrit dans la demande.",
    "fait": "Le fait que dit cette phrase.",
    "est": "oui ou non : la phrase affirme ou nie le fait.",
    "valeur": "La mesure que dit la phrase, avec son unité.",
    "a_remplir": "Réponse à taper.",
    "BlankForm.avant": "Mots écrits avant la réponse.",
    "BlankForm.apres": "Mots écrits après la réponse.",
    "exemple": "Exemple montré dans le champ.",
    "nombre": "oui : la réponse est un nombre.",
    "unites": "Unités au choix.",
    "carte": "non : rien à proposer en un clic dans un logiciel.",
}  # fmt: skip
_BUILT_IN = ("age", "duree")


def editor_schema(name: str, facts: Iterable[str] = (), exams: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema of a kind of file (a key of ``FORMS``); with the base's names, it completes and checks them too."""
    title, form = FORMS[name]
    return {"$schema": DIALECT, **_Writer(sorted(facts), sorted(exams)).schema(form), "title": title}


class _Writer:
    """Turns pydantic's schema into that of the authors: French explanations, « oui » and « non », conditions, names when known."""

    def __init__(self, facts: list[str], exams: list[str]) -> None:
        self._facts, self._exams = [*_BUILT_IN, *facts] if facts else [], exams

    def schema(self, form: Any) -> dict[str, Any]:
        """Return the schema of a form."""
        schema = TypeAdapter(form).json_schema(by_alias=True, mode="validation")
        pieces = {name: self._form(name, piece) for name, piece in schema.pop("$defs", {}).items()}
        whole = self._form(getattr(form, "__name__", ""), schema)
        defined = dict(sorted({**pieces, **self._conditions(), "Position": self._position()}.items()))
        written: dict[str, Any] = _as_written(
            {**whole, "$defs": {name: piece for name, piece in defined.items() if _needed(name, whole, defined)}}
        )
        return written

    def _form(self, name: str, piece: dict[str, Any]) -> dict[str, Any]:
        """Return a form with its keys explained in French, in place of the docstring of its class."""
        kept = {key: value for key, value in piece.items() if key not in ("title", "description")}
        keys = {key: self._key(name, key, value) for key, value in piece.get("properties", {}).items()}
        return kept | ({"properties": keys} if keys else {})

    def _key(self, form: str, key: str, value: dict[str, Any]) -> dict[str, Any]:
        kept = self._named(form, key) or {name: item for name, item in value.items() if name != "title"}
        said = EXPLANATIONS.get(f"{form}.{key}") or EXPLANATIONS.get(key)
        return kept | ({"description": said} if said else {})

    def _named(self, form: str, key: str) -> dict[str, Any] | None:
        """Return what pydantic cannot say of a key: conditions, and what names a fact or an exam."""
        if key in ("si", "sauf_si", "compte_rendu"):
            return {"type": "array", "items": {"$ref": "#/$defs/Tests"}} if form == "Fact" else {"$ref": "#/$defs/Condition"}
        if key in ("positions", "positions_communes"):
            return _mapping({"$ref": "#/$defs/Position"}, self._exams)
        if key == "questions":
            return _mapping({"type": ["string", "null"]}, self._facts)
        if form == "Triggers" and key == "faits":
            return {"type": "array", "items": _one_of(self._facts)}
        if form == "RedFlags":
            return {"type": "array", "items": {"anyOf": [_one_of(self._facts), {"$ref": "#/$defs/FlagForm"}]}}
        return None

    def _position(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(FRENCH_VERDICTS)}, {"$ref": "#/$defs/PositionForm"}], "description": EXPLANATIONS["position"]}

    def _conditions(self) -> dict[str, Any]:
        """Return the condition language: tests joined by « et », a list for « ou », or « toujours »."""
        bounds = {
            "type": "object",
            "properties": {bound: {"type": ["number", "string"]} for bound in BOUNDS},
            "additionalProperties": False,
            "minProperties": 1,
        }
        value = {
            "description": "oui, non, inconnu, ou des bornes : {au_moins: 3 mois}",
            "anyOf": [{"enum": [*map(str, Wanted), True, False]}, bounds],
        }
        exams = {
            "type": "object",
            "properties": {"parmi": {"type": "array", "items": _one_of(self._exams)}},
            "required": ["parmi"],
            "additionalProperties": False,
        }
        special = {
            "drapeau_rouge": {
                "enum": ["urgence", "imagerie", "oui", "non", True, False],
                "description": "Un signe d'alerte de ce niveau est présent.",
            },
            "sexe": {"enum": sorted(SEXES), "description": EXPLANATIONS["sexe"]},
            "examen": {"description": "L'examen demandé est l'un de ceux-ci.", "anyOf": [_one_of(self._exams), exams]},
        }
        every = {"$ref": "#/$defs/Value"}
        tests = {"type": "object", "minProperties": 1, "properties": special | dict.fromkeys(self._facts, every)}
        tests["additionalProperties"] = False if self._facts else every
        either = [{"const": "toujours"}, {"$ref": "#/$defs/Tests"}, {"type": "array", "items": {"$ref": "#/$defs/Tests"}, "minItems": 1}]
        return {"Value": value, "Tests": tests, "Condition": {"description": EXPLANATIONS["si"], "anyOf": either}}


def _one_of(names: list[str]) -> dict[str, Any]:
    return {"enum": names} if names else {"type": "string", "pattern": SLUG}


def _mapping(value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    keys: dict[str, Any] = {"properties": dict.fromkeys(names, value)} if names else {"patternProperties": {SLUG: value}}
    return {"type": "object", **keys, "additionalProperties": False}


def _needed(name: str, whole: dict[str, Any], pieces: Mapping[str, Any]) -> bool:
    """Say whether a definition is named anywhere else than in itself."""
    others = [whole, *(piece for other, piece in pieces.items() if other != name)]
    return f"'#/$defs/{name}'" in str(others)


def _as_written(value: Any) -> Any:
    """Return the schema as YAML authors need it: « oui » and « non » for booleans, no empty default."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "boolean":
        return {key: item for key, item in value.items() if key != "type"} | {"enum": ["oui", "non", True, False]}
    return {key: _as_written(item) for key, item in value.items() if key != "default" or not isinstance(item, dict | list | str | None)}


def unexplained(form: type[Form]) -> list[str]:
    """Return the keys of a form that have no explanation, neither here nor beside the key (``description``)."""
    keys = [(field.alias or french(name)) for name, field in form.model_fields.items() if not field.description]
    return [key for key in keys if key not in EXPLANATIONS and f"{form.__name__}.{key}" not in EXPLANATIONS]
