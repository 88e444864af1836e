"""A guideline base of a few lines in a folder, to be broken one line at a time."""

from __future__ import annotations

from pathlib import Path

EXAMS = """\
- {id: radio-genou, libelle: Radiographie du genou, modalite: DX, region: genou}
- {id: irm-genou, libelle: IRM du genou, modalite: MR, region: genou}
"""
FACTS = """\
gonalgie: {libelle: douleur du genou, termes: [gonalgie, douleur genou], cim10: [M25.5]}
fievre: {libelle: fièvre, termes: [fièvre, fébrile], termes_absent: [apyrétique], cim10: [R50], sauf_si: [{temperature: {moins_de: 37.8 °C}}]}
epanchement: {libelle: épanchement, termes: [épanchement, gros genou]}
arthrite-septique: {libelle: arthrite septique, termes: [arthrite septique], si: [{fievre: oui, epanchement: oui}]}
blocage: {libelle: blocage, question: Le genou se bloque-t-il ?, termes: [blocage, genou bloqué]}
temperature: {libelle: température, type: nombre, unite: °C, bornes: {min: 34, max: 43}, avant: [température]}
"""
SHEET = """\
id: genou
titre: Douleur du genou
statut: brouillon
validite: {depuis: 2020-01-01, verifiee_le: 2026-11-22}
sources:
  has: {organisme: HAS, titre: Fiche d'essai, annee: 2020}
declencheurs: {faits: [gonalgie], age: {min: 18}}
questions: {blocage: null, duree: null}
drapeaux_rouges:
  urgence: [arthrite-septique]
  imagerie: [fievre]
regles:
  - id: urgence
    si: {drapeau_rouge: urgence}
    circuit: urgences
    positions: {radio-genou: indique, irm-genou: non_indique}
    pourquoi: Un genou infecté va aux urgences.
    source: has
  - id: recente
    si: {duree: {moins_de: 6 semaines}, blocage: non}
    positions: {radio-genou: non_indique, irm-genou: non_indique}
    pourquoi: Une douleur récente ne s'image pas.
    source: has
  - id: bloquee
    si: {blocage: oui}
    positions: {radio-genou: indique, irm-genou: {position: cas_particuliers, si: {epanchement: oui}, quand: épanchement}}
    pourquoi: Un blocage s'explore.
    source: has
  - id: reste
    si: toujours
    positions: {radio-genou: indique, irm-genou: non_indique}
    pourquoi: La radiographie d'abord.
    source: has
vignettes:
  - {texte: "gonalgie fébrile, gros genou", age: 40, examen: radio genou, attendu: {avis: appropriate, circuit: urgences, regle: urgence}}
  - {texte: "gonalgie depuis 8 j, pas de blocage", age: 40, examen: radio genou, attendu: {avis: not-indicated, regle: recente}}
  - {texte: "gonalgie, blocage depuis 3 mois", age: 40, examen: radio genou, attendu: {avis: appropriate, regle: bloquee}}
  - {texte: "gonalgie depuis 3 mois, pas de blocage", age: 40, examen: radio genou, attendu: {avis: appropriate, regle: reste}}
"""
CUES = """\
negation-avant: [pas, pas de, sans]
passe-apres: [guéri, guérie]
passe-avant: [antécédent de]
hypothese-apres: [à confirmer]
famille: [familial, familiale, mère]
rupture: [mais]
"""


def write_base(folder: Path, *, sheet: str = SHEET, facts: str = FACTS, cues: str = CUES, others: dict[str, str] | None = None) -> Path:
    """Write the base and return its folder; ``others`` are more sheets, by name."""
    for name in ("lexique", "fiches/membres"):
        (folder / name).mkdir(parents=True)
    files = {
        "examens.yaml": EXAMS, "regions.yaml": "genou: {libelle: genou, termes: [genou]}\n", "abreviations.yaml": "gche: gauche\n",
        "techniques.yaml": "radiographie: {libelle: radiographie, modalite: DX, termes: [radio]}\nirm: {libelle: IRM, modalite: MR, termes: [IRM]}\n",
        "indices.yaml": cues, "lexique/membres.yaml": facts, "version.txt": "2026.11.0\n", "fiches/membres/genou.yaml": sheet,
    }  # fmt: skip
    files |= {f"fiches/membres/{name}.yaml": content for name, content in (others or {}).items()}
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def line_of(content: str, words: str) -> int:
    """Return the line (1-based) of a content that holds these words."""
    return next(number for number, line in enumerate(content.splitlines(), 1) if words in line)
