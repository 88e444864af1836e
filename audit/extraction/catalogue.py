"""The tables of an extract and what each column means: the data dictionary, from which the tables themselves are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pertimage.audit.disclosure import Mask

ALL = "*"
NOT_BROKEN_DOWN = "non-ventile"


class Type(StrEnum):
    """What a column holds; the dictionary says it in these words."""

    TEXT = "texte"
    WHOLE = "entier"
    NUMBER = "nombre"
    DAY = "jour (AAAA-MM-JJ)"
    MONTH = "mois (AAAA-MM)"
    FLAG = "0 ou 1"

    @property
    def python(self) -> type:
        """Return the Python type of its values."""
        return {Type.WHOLE: int, Type.FLAG: int, Type.NUMBER: float}.get(self, str)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type, what it means, its unit and its values, in French."""

    name: str
    type: Type
    meaning: str
    unit: str = ""
    values: str = ""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the extract: its name, what a line is, its columns in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its columns."""
        return tuple(column.name for column in self.columns)


_OUTCOMES = "appropriate, alternative, not-indicated, incomplete, no-guidance"
MONTH = Column("mois", Type.MONTH, "Mois de l'examen, de la signature, du retour ou de la réponse, à l'heure de Paris")
SITE = Column(
    "site", Type.TEXT, "Identifiant du site ; « * » : tous les sites de la base, même quand l'extrait n'en garde que quelques-uns"
)
TECHNIQUE = Column("technique", Type.TEXT, "Code DICOM de la technique", values="CT, MR, DX, US, MG, NM… ; * : toutes")
AGE = Column("age", Type.TEXT, "Tranche d'âge du patient", "ans", "0-4, 5-14, 15-17, 18-29, puis de dix en dix, 80+ ; inconnu")
OUTCOME = Column("avis", Type.TEXT, "Avis du référentiel sur l'examen demandé", values=f"{_OUTCOMES} ; non-juge")
EXAM = Column(
    "examen", Type.TEXT, "Examen : identifiant du catalogue, ou code local transmis à l'import", values="non-precise quand il manque"
)
WAIT = Column("delai", Type.TEXT, "Délai de la demande à la réalisation", "jours", "0-7, 8-30, 31-90, 91+, inconnu")
REVIEW = Column(
    "relecture", Type.TEXT, "Ce qu'en a fait la relecture",
    values="non-signalee, ou signalee, puis / et la décision : valider, valider-avec-protocole, substituer, refuser, reporter, sans-decision",
)  # fmt: skip
FOLLOWED = Column("suite", Type.TEXT, "Ce que le prescripteur a fait de la carte", values="accepted (suivie), overridden (écartée)")
REASON = Column("motif", Type.TEXT, "Motif de dérogation codé", values="codes du référentiel ; autre ; sans-motif")
QUESTION = Column("question", Type.TEXT, "Question posée au patient", values="comprehension, delai, explication, renoncement")
ANSWER = Column("reponse", Type.TEXT, "Réponse choisie", values="1 à 5 pour comprehension ; codes sinon ; sans-reponse")
MASKED = Column(
    "masque", Type.TEXT, "Pourquoi l'effectif manque ; vide quand il est donné",
    values=f"{Mask.SMALL} : de 1 à 7 ; {Mask.COMPLEMENTARY} : masqué pour qu'un autre ne se déduise pas ; {NOT_BROKEN_DOWN} : aucune ligne de ce détail n'est donnée",
)  # fmt: skip


def _counted(name: str, meaning: str, counted: str, *columns: Column) -> TableSpec:
    count = Column(counted, Type.WHOLE, "Effectif, arrondi au multiple de 5 le plus proche (exact dans un extrait restreint)")
    return TableSpec(name, meaning, (MONTH, SITE, *columns, count, MASKED))


AGGREGATES = (
    _counted("activite", "Examens réalisés, par mois et site", "examens"),
    _counted("activite_technique", "Les mêmes, par technique", "examens", TECHNIQUE),
    _counted("activite_examen", "Les mêmes, par technique et examen", "examens", TECHNIQUE, EXAM),
    _counted("activite_delai", "Les mêmes, par technique et tranche de délai", "examens", TECHNIQUE, WAIT),
    TableSpec(
        "activite_quantiles",
        "Délais de la demande à la réalisation, par technique ; une ligne quand il y a assez de délais connus",
        (
            MONTH, SITE, TECHNIQUE,
            Column("mediane_jours", Type.NUMBER, "Délai médian ; vide sous 16 délais connus", "jours"),
            Column("p90_jours", Type.NUMBER, "Délai que neuf patients sur dix ne dépassent pas ; vide sous 80 délais connus", "jours"),
        ),
    ),
    _counted("activite_age", "Examens réalisés, par tranche d'âge", "examens", AGE),
    _counted("activite_avis", "Examens réalisés, par avis sur la demande", "examens", OUTCOME),
    _counted("demandes", "Demandes signées dans le service, par mois et site", "demandes"),
    _counted("demandes_avis", "Les mêmes, par avis (le premier quand il y a plusieurs examens)", "demandes", OUTCOME),
    _counted("demandes_relecture", "Les mêmes, par avis et suite de la relecture", "demandes", OUTCOME, REVIEW),
    _counted("demandes_technique", "Les mêmes, par technique de l'examen reconnu", "demandes", TECHNIQUE),
    _counted("retours", "Cartes suivies ou écartées, par mois et site (vide : non transmis)", "retours"),
    _counted("retours_suite", "Les mêmes, par suite donnée", "retours", FOLLOWED),
    _counted("retours_motif", "Les mêmes, par suite et motif", "retours", FOLLOWED, REASON),
    _counted("reponses_patients", "Réponses de patients, par mois et site", "reponses"),
    _counted("reponses_patients_question", "Les mêmes, question par question", "reponses", QUESTION, ANSWER),
)  # fmt: skip

_EVENTS = "nouvel-appareil, panne, greve, epidemie, effectif, logiciel, autre"
CONTEXT = (
    TableSpec(
        "sites",
        "Sites de la base",
        (
            SITE,
            Column("nom", Type.TEXT, "Nom du site"),
            Column("en_service_le", Type.DAY, "Premier jour où les prescripteurs voient l'avis"),
        ),
    ),
    TableSpec(
        "evenements",
        "Ce qui est arrivé d'autre, noté au calendrier ; les mots de l'auteur n'y sont pas",
        (
            Column("sorte", Type.TEXT, "Événement", values=_EVENTS),
            SITE,
            Column("debut", Type.DAY, "Premier jour"),
            Column("fin", Type.DAY, "Dernier jour ; vide quand il dure"),
        ),
    ),
)


def _pseudonym(name: str, meaning: str) -> Column:
    return Column(name, Type.TEXT, f"{meaning} : pseudonyme propre à cet extrait", values="32 caractères hexadécimaux")


_LINE_SITE = Column("site", Type.TEXT, "Identifiant du site")
_LINE_EXAM = Column("examen", Type.TEXT, "Examen : identifiant du catalogue, ou code local", values="vide quand il manque")
_LINE_OUTCOME = Column("avis", Type.TEXT, "Avis du référentiel", values=f"{_OUTCOMES} ; vide : non jugé")
_LINE_TECHNIQUE = Column("technique", Type.TEXT, "Code DICOM de la technique", values="CT, MR, DX, US, MG, NM…")
_REQUEST = _pseudonym("demande", "Demande")
_RULE = Column("regle", Type.TEXT, "Règle du référentiel qui a conclu", values="fiche/règle")
_FLAGGED = Column("signalee", Type.FLAG, "Signalée au radiologue")
_PATHWAY = Column("parcours", Type.TEXT, "Parcours proposé", values="emergency : urgences ; vide : aucun")

LINES = (
    TableSpec(
        "examens",
        "Un examen du registre d'activité",
        (
            _pseudonym("accession", "Examen"),
            _pseudonym("patient", "Patient"),
            _LINE_SITE,
            Column("mois", Type.MONTH, "Mois de réalisation (de la demande quand l'examen n'est pas réalisé)"),
            AGE,
            _LINE_TECHNIQUE,
            _LINE_EXAM,
            Column("region", Type.TEXT, "Région du corps, code du catalogue"),
            Column("irradiant", Type.FLAG, "Examen irradiant ; vide quand la technique ne le dit pas"),
            Column("demande_le", Type.DAY, "Jour de la demande"),
            Column("rendez_vous_le", Type.DAY, "Jour du rendez-vous"),
            Column("realise_le", Type.DAY, "Jour de l'examen"),
            Column("compte_rendu_le", Type.DAY, "Jour du compte rendu"),
            _LINE_OUTCOME,
        ),
    ),
    TableSpec(
        "lignes_demandes",
        "Une demande jugée par le service",
        (
            _REQUEST,
            _pseudonym("patient", "Patient"),
            _pseudonym("prescripteur", "Prescripteur"),
            _LINE_SITE,
            Column("mois", Type.MONTH, "Mois de la signature (de la rédaction sans signature)"),
            Column("redigee_le", Type.DAY, "Jour du premier jugement"),
            Column("signee_le", Type.DAY, "Jour de la signature"),
            Column("statut", Type.TEXT, "Où en est la demande", values="draft, signed, withdrawn"),
            Column("mode", Type.TEXT, "Mode du calendrier", values="on : l'avis est montré ; silent : il ne l'est pas"),
            _LINE_OUTCOME,
            _LINE_EXAM,
            _LINE_TECHNIQUE,
            _PATHWAY,
            Column("priorite", Type.TEXT, "Priorité FHIR", values="routine, urgent, asap, stat, autre"),
            _FLAGGED,
        ),
    ),
    TableSpec(
        "lignes_avis",
        "Un examen jugé d'une demande",
        (
            _REQUEST,
            Column("rang", Type.WHOLE, "Rang de l'examen dans la demande, à partir de 0"),
            _LINE_OUTCOME,
            _LINE_EXAM,
            _LINE_TECHNIQUE,
            Column("irradiant", Type.FLAG, "Examen irradiant"),
            _RULE,
            _PATHWAY,
            Column("filiere", Type.TEXT, "Filière rapide proposée, code"),
            Column("cible_jours", Type.WHOLE, "Délai visé par cette filière", "jours"),
            _FLAGGED,
        ),
    ),
    TableSpec(
        "lignes_relectures",
        "La relecture d'une demande",
        (
            _REQUEST,
            _LINE_SITE,
            Column("etat", Type.TEXT, "État", values="a-relire, en-cours, question, avis-demande, reportee, decidee, retiree"),
            Column(
                "decision", Type.TEXT, "Décision",
                values="valider, valider-avec-protocole, substituer, demander-complement, refuser, reporter",
            ),
            Column("examen", Type.TEXT, "Examen substitué, identifiant du catalogue"),
            _pseudonym("radiologue", "Radiologue"),
            Column("ouverte_le", Type.DAY, "Jour d'entrée en relecture"),
            Column("decidee_le", Type.DAY, "Jour de la décision"),
        ),
    ),
    TableSpec(
        "lignes_regles_jugees",
        "Ce qu'un radiologue dit de la règle en décidant",
        (
            _REQUEST,
            _RULE,
            _LINE_SITE,
            Column("opinion", Type.TEXT, "Opinion", values="codes du service"),
            _pseudonym("radiologue", "Radiologue"),
            Column("jour", Type.DAY, "Jour de la décision"),
        ),
    ),
    TableSpec(
        "lignes_retours",
        "Ce qu'un prescripteur a fait d'une carte",
        (_REQUEST, FOLLOWED, REASON, Column("jour", Type.DAY, "Jour du retour")),
    ),
    TableSpec(
        "lignes_reponses_patients",
        "Un questionnaire de patient ; il ne mène à aucune demande",
        (
            _LINE_SITE,
            Column("mois", Type.MONTH, "Mois de la réponse"),
            Column("langue", Type.TEXT, "Langue de la page", values="code de langue"),
            Column("comprehension", Type.WHOLE, "Compréhension", "1 à 5"),
            Column("delai", Type.TEXT, "Le délai convient-il ?", values="oui, non, pas-de-date, sans-objet"),
            Column("explication", Type.TEXT, "Qui a expliqué le résultat ?", values="medecin, radiologue, autre, personne, pas-encore"),
            Column("renoncement", Type.FLAG, "A renoncé à l'examen"),
            Column("motifs", Type.TEXT, "Motifs du renoncement", values="codes séparés par des virgules"),
        ),
    ),
)  # fmt: skip

_KEY = Column("cle", Type.TEXT, "Ce qui est dit")
ABOUT = TableSpec("_lisez_moi", "Ce qu'est cet extrait : à lire d'abord", (_KEY, Column("valeur", Type.TEXT, "Sa valeur")))
DICTIONARY = TableSpec(
    "_dictionnaire",
    "Chaque colonne de chaque table",
    tuple(
        Column(name, Type.TEXT, meaning)
        for name, meaning in {
            "table": "Table", "colonne": "Colonne", "type": "Type", "unite": "Unité", "sens": "Ce que la colonne veut dire",
            "valeurs": "Valeurs possibles",
        }.items()
    ),
)  # fmt: skip
ANONYMITY = TableSpec(
    "_anonymat",
    "k-anonymat : combien d'examens partagent site, mois, tranche d'âge, technique et examen",
    (
        Column("taille", Type.TEXT, "Nombre d'examens qui partagent la même combinaison", values="1, 2-4, 5-7, 8-19, 20+"),
        Column("combinaisons", Type.WHOLE, "Combinaisons de cette taille"),
        Column("examens", Type.WHOLE, "Examens concernés"),
        Column("part", Type.NUMBER, "Leur part dans la table examens", "0 à 1"),
    ),
)
# What spreadsheets and Datasette show first: the tables of counts with the names of sites, and totals apart.
VIEWS = {
    "vue_volumes": "SELECT a.mois, a.site, s.nom, a.technique, a.examens, a.masque FROM activite_technique a"
    " LEFT JOIN sites s ON s.site = a.site WHERE a.site <> '*' AND a.technique <> '*'",
    "vue_volumes_tous_sites": "SELECT mois, technique, examens, masque FROM activite_technique WHERE site = '*' AND technique <> '*'",
    "vue_avis": "SELECT a.mois, a.site, s.nom, a.avis, a.examens, a.masque FROM activite_avis a"
    " LEFT JOIN sites s ON s.site = a.site WHERE a.site <> '*' AND a.avis NOT IN ('*', 'non-juge')",
    "vue_delais": "SELECT q.mois, q.site, s.nom, q.technique, q.mediane_jours, q.p90_jours, t.examens, t.masque FROM activite_quantiles q"
    " JOIN activite_technique t ON t.mois = q.mois AND t.site = q.site AND t.technique = q.technique LEFT JOIN sites s ON s.site = q.site",
}  # fmt: skip


def specs(*, restricted: bool) -> tuple[TableSpec, ...]:
    """Return the tables of an extract, in order."""
    return (ABOUT, DICTIONARY, *CONTEXT, *AGGREGATES, *((ANONYMITY, *LINES) if restricted else ()))


def dictionary_rows(*, restricted: bool) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the data dictionary."""
    for table in specs(restricted=restricted):
        for column in table.columns:
            yield table.name, column.name, str(column.type), column.unit, column.meaning, column.values


def dictionary_markdown() -> str:
    """Return the dictionary as docs/extrait.md shows it: one heading and one table for each table of a restricted extract."""
    parts = []
    for table in specs(restricted=True):
        mark = " — extrait restreint seulement" if table in (ANONYMITY, *LINES) else ""
        lines = [
            f"### `{table.name}`{mark}",
            "",
            f"{table.meaning}.",
            "",
            "| colonne | type | sens | unité | valeurs |",
            "|---|---|---|---|---|",
        ]
        cells = (
            (f"`{column.name}`", str(column.type), column.meaning, column.unit, column.values.replace("|", "\\|"))
            for column in table.columns
        )
        parts.append("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)]))
    return "\n\n".join(parts) + "\n"
