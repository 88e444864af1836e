"""Texts that nobody writes, built to make a reader go over its words again and again."""

from __future__ import annotations

from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.web.vignettes import WRITTEN

# What is said again and again: cues without anything to govern, signs, terms with gaps, marks, numbers, words without end.
REPEATED = {
    "négations": "pas de ", "signes niés": "pas de fièvre, ", "ni": "ni fièvre ni ", "sans": "sans dans ", "liste niée": "pas de fièvre, toux, ", "réponses": "fièvre non AEG non ",
    "négation à la ligne": "pas\n", "signe": "lombalgie ", "signe mal écrit": "lombalgei ", "terme à trous": "douleur du dos ", "trous": "douleur x y z ", "ou": "fièvre ou ",
    "absence": "apyrétique ", "hypothèses": "suspicion de ", "questions": "fièvre ? ", "points d'interrogation": "?", "antécédents": "ATCD : HTA, ", "famille": "mère : cancer ",
    "examens": "IRM cérébrale ", "techniques": "radio + écho ", "examens passés": "radio faite en 2019 ",
    "côtés": "genou droit gauche ", "virgules": ", ", "deux-points": "fièvre : ",
    "barres": "/", "tirets": "- ", "apostrophes": "'", "points": "...", "parenthèses": "(", "parenthèses emboîtées": "(fièvre (", "parenthèses fermées": ")",
    "chiffres": "1234567890", "nombres": "38,5 12 ", "milliers": "1 200 ", "intervalles": "3-3-", "températures": "T° 38°5 ", "pertes de poids": "-6 kg ", "âges": "F 47 ",
    "durées": "depuis 3 j ", "jours": "3 j j3 ", "semaines": "3 sem ", "depuis": "depuis ", "depuis, au loin": "depuis" + " " * 50, "il y a": "il y a 3 ", "années": "en 2019 ",
    "espaces": " ", "tabulations": "\t ", "sauts de ligne": "\n", "petits mots": "de la ", "inconnus": "zzzqqq ", "mot sans fin": "a", "mots collés": "anticonstitutionnellement",
    "accents": "é", "accents décomposés": "e\u0301", "images": "😀",
}  # fmt: skip
# What is said once before so many spaces.
STRETCHED = {"depuis … ": "depuis", "un nombre … ": "fièvre 3", "une évolution … ": "évolution de", "il y … a": "lombalgie il y"}
# Those on which a reader that goes back over its words spends a time in the square of their length; the rest in `make fuzz`.
HARD = (
    "signes niés", "ni", "liste niée", "réponses", "signe", "signe mal écrit", "terme à trous", "trous", "ou", "questions", "antécédents", "famille", "examens", "techniques",
    "examens passés", "côtés", "deux-points", "parenthèses emboîtées", "chiffres", "intervalles", "durées", "jours", "sauts de ligne", "mot sans fin", "mots collés", "depuis … ",
)  # fmt: skip
EASY = ("négations", "nombres", "petits mots", "points d'interrogation", "températures", "espaces")


def request(name: str, length: int) -> ImagingRequest:
    """Return a request whose text has this shape and this length."""
    text = REPEATED[name] * (length // len(REPEATED[name]) + 1) if name in REPEATED else STRETCHED[name] + " " * length
    return ImagingRequest("r", exam_text="IRM lombaire", texts=(TextPart("reasonCode", text[:length]),), authored=WRITTEN)
