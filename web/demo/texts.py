"""How fictitious general practitioners write: sentences with blanks, and the reasons that no sheet of the guidelines covers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Template:
    """A request with blanks. Ages are the bounds, in years; ``earlier`` is an exam already done, with how many days ago."""

    exam: str
    text: str
    ages: tuple[int, int] = (25, 75)
    earlier: tuple[str, str, int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a prescriber typed."""

    exam: str
    text: str
    age: float | None = None
    sex: str | None = None
    earlier: tuple[str, str, int] | None = None


_OPENERS = ("", "", "", "", "Bonjour, ", "Cher confrère, ", "Chère consœur, ")
_CLOSERS = ("", "", "", "", " Merci.", " Merci d'avance.", " Cordialement.")

COMMON = (
    Template("radio lombaire", "lombalgie basse depuis {jours} j après port de charge, pas de déficit, apyrétique, pas d'AEG", (25, 62)),
    Template("Radio du rachis lombaire", "Lumbago récidivant, nouvel épisode depuis {jours} jours. Pas d'ATCD notable, examen neuro normal.", (28, 60)),
    Template("IRM lombaire", "Sciatique S1 {côté_f} depuis {semaines} semaines malgré antalgiques bien conduits, pas de déficit moteur, pas de trouble sphinctérien.", (30, 65)),
    Template("Scanner lombaire", "lombosciatique L5 {côté_f} depuis {jours} jours, Lasègue à 40°, pas de déficit, pas de fièvre", (30, 65)),
    Template("IRM lombaire", "mal de dos chronique, nouvelle IRM demandée par le patient", (40, 70), ("IRM du rachis lombaire", "MR", 70)),
    Template("IRM du genou {côté}", "gonalgie {côté_f} mécanique depuis {mois} mois, arthrose connue, pas de blocage", (58, 80)),
    Template("Radio genou {côté}", "Douleur du genou {côté} depuis {semaines} semaines, pas de traumatisme, léger épanchement.", (45, 75)),
    Template("IRM épaule {côté_f}", "scapulalgie {côté_f} depuis {semaines} sem, arc douloureux, mobilité passive conservée, pas de trauma", (40, 68)),
    Template("Écho épaule {côté_f}", "Épaule {côté_f} douloureuse depuis {mois} mois, échec kiné et AINS, avis avant infiltration.", (45, 70)),
    Template("Scanner cérébral", "céphalées de tension depuis {mois} mois, examen neuro normal, pas de fièvre, patiente inquiète", (25, 49)),
    Template("IRM cérébrale", "Migraineuse connue, crises plus fréquentes depuis {semaines} semaines, examen neurologique normal.", (22, 48)),
    Template("Radio des sinus", "sinusite maxillaire {côté_f} depuis {jours} jours, rhinorrhée purulente, T° 38,2", (25, 60)),
    Template("Radio thorax", "Toux depuis {semaines} semaines, tabac 25 PA, pas d'hémoptysie, auscultation normale.", (48, 72)),
    Template("Radio pulmonaire", "bronchite, toux grasse depuis {jours} j, apyrétique, pas de dyspnée, auscultation libre", (20, 60)),
    Template("Radio cheville {côté_f}", "entorse cheville {côté_f} hier, appui possible, pas de douleur à la palpation des malléoles", (18, 50)),
    Template("Radio du rachis cervical", "Cervicalgies depuis {semaines} semaines, pas de névralgie, pas de traumatisme, pas de fièvre.", (30, 60)),
    Template("Écho abdo", "Colique hépatique typique à deux reprises ce mois-ci, pas de fièvre, pas d'ictère.", (35, 70)),
    Template("IRM lombaire", "douleurs lombaires", (30, 70)),
    Template("IRM genou {côté}", "douleur", (25, 60)),
)  # fmt: skip
UNCOVERED = (
    Template("Écho-doppler veineux", "mollet {côté} rouge et chaud depuis 2 j, suspicion de phlébite", (35, 80)),
    Template("Radio du poignet {côté}", "Douleur chronique de la base du pouce {côté}, rhizarthrose ?", (55, 78)),
    Template("Échographie inguinale", "tuméfaction inguinale {côté_f} réductible, hernie ?", (30, 75)),
    Template("Échographie des parties molles", "Lipome dorsal qui augmente depuis {mois} mois.", (35, 65)),
    Template("IRM hypophysaire", "Hyperprolactinémie contrôlée à deux reprises.", (25, 45)),
    Template("Scanner des rochers", "otites à répétition à {côté_f}, cholestéatome ? demande de l'ORL", (25, 55)),
    Template("Panoramique dentaire", "bilan dentaire avant prothèse valvulaire", (55, 80)),
    Template("Radio du pied {côté}", "Hallux valgus {côté}, avant avis chirurgical", (45, 75)),
    Template("IRM du coude {côté}", "épicondylalgie {côté_f} rebelle depuis {mois} mois, travail manuel", (35, 58)),
    Template("Écho rénale", "HTA récente du sujet jeune", (28, 42)),
    Template("Écho abdominale", "Cytolyse à trois fois la normale chez un patient en surpoids", (38, 66)),
    Template("Écho pelvienne", "ménorragies depuis {mois} mois", (36, 50)),
    Template("Radio des mains", "doigts déformés, arthrose digitale, raideur", (55, 80)),
)  # fmt: skip


def fill(template: Template, chance: Random) -> Written:
    """Return a template with its blanks filled."""
    side = chance.choice(("droit", "gauche"))
    words = {
        "côté": side, "côté_f": "droite" if side == "droit" else side, "jours": str(chance.randint(4, 20)),
        "semaines": str(chance.randint(3, 10)), "mois": str(chance.randint(3, 14)),
    }  # fmt: skip
    exam, text = template.exam.format_map(words), template.text.format_map(words)
    sex = "femme" if "patiente" in text or "ménorragies" in text or "igraineuse" in text else chance.choice(("femme", "homme"))
    return Written(exam, dressed(text, chance), chance.randint(*template.ages), sex, template.earlier)


def dressed(text: str, chance: Random) -> str:
    """Return a text with or without the courtesies of a letter."""
    opener, closer = chance.choice(_OPENERS), chance.choice(_CLOSERS)
    if opener and text[1:2].islower():
        text = text[0].lower() + text[1:]
    if closer and text[-1] not in ".?!":
        text += "."
    return f"{opener}{text}{closer}"
