"""The cross-cutting tables, public: every row in words, with what it rests on; a parameter of ours is never shown as a recommendation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from pertimage.fhir.vocabularies import ISSUES
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.conditions import ConditionError, parse
from pertimage.guidelines.loader import DATA
from pertimage.guidelines.safety import PLACEHOLDER
from pertimage.guidelines.schema import Modality
from pertimage.guidelines.tables import FRENCH_BASES, Basis, WrittenTable, written_tables
from pertimage.web.pages.condition_words import ConditionWords
from pertimage.web.pages.french import capital, number
from pertimage.web.pages.reference import MODALITIES
from pertimage.web.pages.view import page, service_of

router = APIRouter(prefix="/referentiel/transversal", include_in_schema=False)

TITLES = {
    "completude": "Ce qu'une demande doit dire", "securite": "Sécurité de l'examen", "redondance": "Examens déjà faits",
    "dose": "Dose de rayons", "replis": "Quand un examen n'est pas disponible", "parcours": "Parcours sensibles au délai",
    "restitution": "Suivi du résultat",
}  # fmt: skip
_WORDS = {
    "si": "Pour qui", "sauf_si": "Sauf", "examens": "Examens", "dire": "Ce que lit le prescripteur", "message": "Ce que lit le prescripteur",
    "source": "Source", "note": "Note", "fiches": "Situations", "apres": "Après", "meme_examen": "Seulement par le même examen", "couvert_par": "Aussi bien montré par",
    "toute_region": "Quelle que soit la région", "toujours_dite": "Toujours dite", "jamais_sans_changement": "Pas de répétition sans changement",
    "cumul_msv": "Cumul (mSv)", "sur_mois": "Sur (mois)", "oubli": "Oublié après", "deja_demande": "Déjà demandé : doublon pendant", "regions": "Régions",
    "regions_propres": "Régions qu'un examen plus large ne montre pas assez", "regions_sans_detail": "Régions dont l'examen ne montre pas les parties",
    "regions_larges": "Régions qu'un examen large montre", "parmi": "Parmi", "intervalle": "Avertissement avant", "forte": "Alerte forte avant",
    "levees": "Ce qui lève l'alerte", "compte_rendu": "Dans le compte rendu antérieur", "apparu_depuis": "Apparu depuis l'examen antérieur",
    "naturel": "Exposition naturelle", "msv_par_an": "mSv par an", "irradiant": "Irradiants", "lateralise": "D'un côté ou de l'autre",
    "uterus_dans_le_champ": "Utérus dans le champ", "reponses": "Réponses en un clic", "enonce": "Tenu pour dit par", "priorite": "Priorité", "delai": "Délai",
    "delai_jours": "Délai (jours)", "prefere": "Préféré", "repli": "Repli", "replis": "Repli", "perd": "Ce que le repli perd",
    "replis_urgence": "Repli en urgence", "conseil": "Sans repli", "dites": "Dite indisponible par", "impossibles": "Dite impossible par",
    "fenetres": "Fenêtres utiles", "jours": "Jours", "priorite_2": "priorité 2", "priorite_3": "priorité 3", "sans_priorite": "sans priorité",
    "gravite": "Gravité", "type": "Alerte",
    "niveau": "Niveau", "rang": "Rang", "aussi": "Aussi", "si_demande": "Selon la demande", "bloquant": "Bloquant", "en_urgence": "Demandé même aux urgences",
    "dit": "Tenu pour dit par", "faits": "faits connus", "vrais": "faits vrais", "faux": "faits faux", "sujets": "« aucun », « non connu » dits de",
    "inconnu_suffit": "« ne sait pas » suffit", "dans_examen": "lu aussi dans l'intitulé de l'examen", "demande": "de la demande", "leve_par": "Inutile si",
    "ne_suffit_pas": "Ne vaut pas réponse", "preuve": "Mots", "date_de": "Daté", "depuis_moins_de": "depuis moins de", "depuis_plus_de": "depuis plus de",
    "a_remplir": "Réponse à taper", "carte": "Proposé dans le logiciel", "fait": "fait", "est": "est", "valeur": "Valeur",
    "parametres": "Paramètres", "groupes": "Groupes d'examens", "effet": "Effet", "quand": "Condition dite", "repli_quand": "Repli dit avec", "a_defaut": "À défaut",
    "avant": "commence par", "exemple": "exemple", "nombre": "un nombre", "unites": "unités", "libelle": "", "fonde": "",
    "rappel_jusqu_a_jours": "Rappel au plus (jours)", "attente_compte_rendu": "Attente du compte rendu", "attente_explication": "Attente de l'explication au patient",
    "circuit": "Circuit", "sensible_au_delai": "Parcours sensible au délai", "degres": "Urgence", "modifie": "Compte rendu modifié", "ouvres": "Ouvrés",
    "apres_delai_vise": "Après le délai visé",
}  # fmt: skip
_VALUES = {
    "legal": "légal", "securite": "sécurité", "sans_examen": "quand aucun examen n'est nommé", "jugement": "quand l'avis en dépend", "urgente": "quand elle est urgente",
    "sexe_inconnu": "quand le sexe n'est pas connu", "irradiant": "pour un examen à rayons", "cote": "le côté", "hypothese": "une hypothèse",
    "examens_anterieurs": "des examens antérieurs", "antecedents": "un antécédent", "aucun": "aucun", "prudence": "proposé avec prudence",
    "ecarte": "n'est pas proposé à ce patient", "critical": "critique", "warning": "attention", "info": "information",
    "immediat": "immédiat", "tres_urgent": "très urgent",
}  # fmt: skip
_LOOKS = {Basis.VERIFIED: "texte lu", Basis.KNOWLEDGE: "connaissance, à vérifier", Basis.PROPOSED: "proposé par le projet"}
_NAMES = ("libelle", "titre", "question", "id", "item", "fait")
# Patterns that a text is searched for: for the authors, not for readers.
_PATTERNS = frozenset(("mots", "preuve", "date_de"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row in words: its name, what it rests on (None when the table says so once for all), and its cells."""

    name: str
    basis: Basis | None
    cells: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def basis_words(self) -> str:
        """Return what it rests on, in two words."""
        return _LOOKS[self.basis] if self.basis else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in words. ``settings`` are its parameters of one value, ``groups`` its rows under the key that holds them."""

    name: str
    title: str
    heading: str
    settings: Row | None
    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    counts: Counter[Basis] = field(default_factory=Counter)


@router.get("", response_class=HTMLResponse)
def listing(request: Request) -> HTMLResponse:
    """List the tables with what their rows rest on."""
    tables = shown_tables(service_of(request).base)
    total = sum((table.counts for table in tables), Counter())
    return page(request, "reference/tables.html", section="referentiel", tables=tables, total=total, bases=_LOOKS)


@router.get("/{name}", response_class=HTMLResponse)
def one(request: Request, name: str) -> HTMLResponse:
    """Show a table, row by row."""
    table = next((table for table in shown_tables(service_of(request).base) if table.name == name), None)
    if table is None:
        raise HTTPException(404, "Cette table n'existe pas.")
    return page(request, "reference/table.html", section="referentiel", table=table, bases=Basis)


@lru_cache(maxsize=2)
def shown_tables(base: GuidelineBase) -> tuple[Table, ...]:
    """Return the tables of the base that is shipped, in words."""
    writer = _Writer(base)
    return tuple(writer.table(written) for written in written_tables(DATA))


class _Writer:
    """Says rows with the labels of the lexicon and of the catalogue."""

    def __init__(self, base: GuidelineBase) -> None:
        self._base = base
        self._groups: dict[str, str] = {}
        self._conditions = ConditionWords(base.lexicon, lambda exam: base.catalogue.exams[exam].label)

    def table(self, written: WrittenTable) -> Table:
        """Return a table in words."""
        plain: dict[str, Any] = {}
        groups: list[tuple[str, tuple[Row, ...]]] = []
        values = {name: str(one["valeur"]) for name, one in written.content.get("parametres", {}).items()}
        self._groups = {name: one["libelle"] for name, one in written.content.get("groupes", {}).items() if "libelle" in one}
        content: Mapping[str, Any] = {key: _valued(value, values) for key, value in written.content.items()} if values else written.content
        if all(isinstance(value, dict) and "fonde" in value for value in content.values()):
            content = {"lignes": content}
        for key, value in content.items():
            rows = self._rows(value)
            if rows:
                groups.append((_WORDS.get(key, capital(_word(key))), rows))
            else:
                plain[key] = value
        counts = Counter(row.basis for _, rows in groups for row in rows if row.basis)
        settings = Row("Paramètres", None, self._cells(plain)) if plain else None
        return Table(written.name, TITLES.get(written.name, capital(_word(written.name))), written.heading, settings, tuple(groups), counts)

    def _rows(self, value: Any) -> tuple[Row, ...]:
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return tuple(self._row(f"Ligne {rank}", one) for rank, one in enumerate(value, 1))
        if isinstance(value, dict) and value and all(isinstance(one, dict) for one in value.values()):
            return tuple(self._row(_word(str(name)), one) for name, one in value.items())
        return (self._row("", value),) if isinstance(value, dict) and "fonde" in value else ()

    def _row(self, name: str, form: Mapping[str, Any]) -> Row:
        named = next((key for key in _NAMES if isinstance(form.get(key), str)), "")
        basis = FRENCH_BASES.get(str(form.get("fonde")))
        cells = self._cells({key: value for key, value in form.items() if key not in (named, "fonde", "id")})
        return Row(capital(_word(str(form[named]))) if named else name, basis, cells)

    def _cells(self, form: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple(
            (_WORDS.get(key, capital(_word(key))), tuple(self._said(key, value)))
            for key, value in form.items()
            if value not in ("", None, []) and key not in _PATTERNS
        )

    def _said(self, key: str, value: Any) -> Iterator[str]:
        """Yield what a value says, a line each."""
        if key in ("si", "sauf_si"):
            try:
                yield from self._conditions.alternatives(parse(value, self._base.lexicon.names))
                return
            except ConditionError:
                pass
        if key == "fonde":
            yield _LOOKS[FRENCH_BASES[value]]
        elif isinstance(value, dict) and {"bouton", "ecrit"} <= value.keys():
            yield f"« {value['bouton']} » écrit « {value['ecrit']} »"
        elif isinstance(value, dict):
            yield from (self._part(str(part), one) for part, one in value.items() if part not in _PATTERNS)
        elif isinstance(value, list):
            flat = [", ".join(self._said(key, one)) for one in value]
            yield from flat if any(isinstance(one, dict) for one in value) else [", ".join(flat)]
        elif isinstance(value, bool):
            yield "oui" if value else "non"
        elif isinstance(value, int | float):
            yield number(float(value), 2)
        else:
            yield self._named(str(value))

    def _part(self, key: str, value: Any) -> str:
        """Return what a part of a value says, after its name when it has one."""
        exam = self._base.catalogue.exams.get(key)
        name, said = exam.label if exam else _WORDS.get(key, capital(_word(key))), ", ".join(self._said(key, value))
        return f"{name} : {said}" if name else said

    def _named(self, word: str) -> str:
        """Return the label of an exam, a region, a situation, a technique or a fact; any other word as it is."""
        catalogue = self._base.catalogue
        if word in catalogue.exams:
            return catalogue.exams[word].label
        if word in self._base.sheets:
            return self._base.sheets[word].title
        if word in catalogue.regions:
            return catalogue.regions[word].label
        if word in Modality.__members__.values():
            return MODALITIES[Modality(word)]
        if word in self._groups:
            return self._groups[word]
        return self._conditions.label(word) if word in self._base.lexicon.facts else _VALUES.get(word, ISSUES.displays.get(word, word))


def _valued(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value with the names of thresholds replaced by what they are; « … » stands for the patient's own value."""
    if isinstance(value, dict):
        return {key: _valued(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [_valued(one, values) for one in value]
    if not isinstance(value, str):
        return value
    return values.get(value, PLACEHOLDER.sub(lambda match: values.get(match.group(1), "…"), value))


def _word(key: str) -> str:
    return key.replace("_", " ").replace("-", " ") if " " not in key else key
