"""Write guidelines/data/codes from the two national tables: which exam each LOINC code and each CCAM act asks for.

    .venv/bin/python tools/national_codes.py JDV_CodesDocumentImagerie_CISIS.csv ccam.csv

The tables are CSV with the columns ``code`` and ``label_fr``; they are not shipped. Reading a label is three steps, none of them a guess:
its beginning says the technique, what is left without side and contrast says the region, and ``tools/codes/loinc.yaml`` says the exam.
A label that the file does not foresee is out of scope, ``sans-equivalent``. The same tables give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pertimage.guidelines.schema import ExamForm

ROOT = Path(__file__).resolve().parent.parent
Exams = Mapping[str, ExamForm]
RULES = Path(__file__).with_name("codes")
DATA = ROOT / "guidelines" / "data"
COLUMNS = ("code", "examens", "lateralite", "contraste", "qualificatif", "motif", "usuel")
HEADERS = {
    "loinc.csv": (
        "Codes LOINC de la liste nationale des examens d'imagerie (JDV_CodesDocumentImagerie_CISIS, OID 1.2.250.1.213.1.1.5.687, publiée par l'ANS) "
        "et examen du catalogue que chacun demande.",
        "LOINC, © Regenstrief Institute, Inc., est disponible sans frais sous la licence http://loinc.org/license ; ni les libellés ni la liste ne sont reproduits.",
    ),
    "ccam.csv": (
        "Actes d'imagerie de la CCAM (version 81, applicable au 1er janvier 2026, publiée par l'Assurance maladie) et examen du catalogue que chacun demande.",
    ),
}
FORMAT = "Fichier écrit par tools/national_codes.py : corriger tools/codes/*.yaml, pas ce fichier. Colonnes : docs/fiches.md."

_SIDES = re.compile(r"\s*-?\s*\b(gauches?|droite?s?|bilatérale?s?|bilatéraux)\b", re.IGNORECASE)
_NOT_A_SIDE = re.compile(r"(quadrant supérieur) droit|(ventricule|ventriculaire) gauche", re.IGNORECASE)
_UNILATERAL = re.compile(r"\s*-?\s*\bunilatérale?s?\b", re.IGNORECASE)
_CONTRAST = re.compile(r"\s*;?\s*\b(sans|avec)\b.*$", re.IGNORECASE)
_PURPOSE = re.compile(
    r"\s*\b(limitée|dynamique|pour .*|- incidence.*|incidence .*|\d+ ou \d+ incidences|pendant .*|diagnostique|de dépistage|dépistage|ciné)\s*$",
    re.IGNORECASE,
)
_NO_INJECTION, _INJECTION = (
    re.compile(r"\bsans\b[^;]*\bcont?r?ast", re.IGNORECASE),
    re.compile(r"\bavec\b[^;]*\bcon(s?)trast", re.IGNORECASE),
)
# The techniques of the national list, and the modalities of the exams they may name (an urography is said « RX », a densitometry has no prefix).
_MODALITIES = {
    "RX": {"DX", "RF"}, "CT": {"CT"}, "CTA": {"CT"}, "RM": {"MR"}, "MRA": {"MR"}, "US": {"US"}, "RF": {"RF"}, "XA": {"XA"}, "PT": {"PT"},
    "TMN": {"MG"}, "MG": {"MG"}, "MN": {"NM"}, "": {"BMD"},
}  # fmt: skip
_INTO_THE_BODY = re.compile(r"intraarticulaire|\bIV\b|intravési|intrautérin|urètre")
_QUALIFIERS = {
    "au-lit": re.compile(r"\.portable|avec portable"),
    "limite": re.compile(r"\blimitée?s?\b"),
    "depistage": re.compile(r"\bdépistage\b"),
    "en-charge": re.compile(r"position debout|en charge"),
    "dynamique": re.compile(r"flexion \+ (avec|en) extension|\bdynamique\b|\bciné\b"),
    "stress": re.compile(r"stress(?! manuel)|exercice|dobutamine|dipyridamole|adénosine", re.IGNORECASE),
    "implant": re.compile(r"pour implant"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a shipped file: what one national code asks for."""

    code: str
    exams: str = ""
    side: str = ""
    contrast: str = ""
    qualifier: str = ""
    reason: str = ""
    usual: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of COLUMNS."""
        return self.code, self.exams, self.side, self.contrast, self.qualifier, self.reason, self.usual


class Rules:
    """The authors' file, compiled: technique, exceptions and regions."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self.techniques = [(re.compile(pattern), name) for pattern, name in form["techniques"]]
        self.exceptions = [(re.compile(pattern), found) for pattern, found in form["motifs"]]
        self.cases = {name: [(re.compile(pattern), found) for pattern, found in rows] for name, rows in form["cas"].items()}
        self.usual: dict[str, str] = form["usuels"]
        self.regions: dict[tuple[str, str], str] = {}
        self.first: set[tuple[str, str]] = set()
        for technique, exams in form["regions"].items():
            for found, regions in exams.items():
                for region in regions:
                    if (technique, region) in self.regions:
                        raise SystemExit(f"loinc.yaml: {technique} « {region} » is written twice")
                    self.regions[technique, region] = found
                self.first.add((technique, regions[0]))

    def reading(self, label: str) -> tuple[str, tuple[str, str]]:
        """Return what a label asks for (« a / b », « ?reason »), and its technique and region."""
        place = self.place(label)
        for pattern, found in self.exceptions:
            if pattern.search(label):
                return (self._case(found[1:], label) if found.startswith("@") else found), place
        return self.regions.get(place, "?sans-equivalent"), place

    def place(self, label: str) -> tuple[str, str]:
        """Return the technique and the region of a label, without its side, its contrast and its purpose."""
        head = _NOT_A_SIDE.sub(lambda match: match.group(1) or match.group(2), label.partition(";")[0]).strip()
        for pattern, technique in self.techniques:
            match = pattern.match(head)
            if match:
                return technique, _region(head[match.end() :])
        return "", _region(head)

    def _case(self, name: str, label: str) -> str:
        return next(found for pattern, found in self.cases[name] if pattern.search(label))


def _region(text: str) -> str:
    bare = _UNILATERAL.sub("", _SIDES.sub("", _CONTRAST.sub("", f" {text}")))
    for _ in range(3):
        bare = _PURPOSE.sub("", bare)
    return " ".join(bare.replace("avantbras", "avant-bras").lower().split()).strip(" -.")


def side_of(label: str) -> str:
    """Return ``gauche``, ``droite``, ``bilateral`` or nothing: the side of the region, never that of a projection."""
    head = _NOT_A_SIDE.sub("", label.partition(";")[0])
    said = {word[0].lower() for word in _SIDES.findall(_CONTRAST.sub("", head))}
    if "b" in said or len(said) > 1:
        return "bilateral"
    return {"g": "gauche", "d": "droite"}.get(next(iter(said), ""), "")


def contrast_of(label: str) -> str:
    """Return ``sans``, ``avec``, ``sans-et-avec``, ``intra-articulaire`` or nothing when the label says none."""
    if label.startswith(("MN", "échographie")) or (label.startswith("RF") and not _INTO_THE_BODY.search(label)):
        return ""
    if "intraarticulaire" in label:
        return "intra-articulaire"
    if "sans contraste et pour" in label and "avec contraste" in label:
        return "sans-et-avec"
    said = label.replace("contraste naturel par l’air ambiant par voie rectale", "air")
    if not re.search(r"cont?r?ast|constrast|ferumoxides", said):
        return ""
    both = re.search(r"sans (?:&|et|\+) ?(?:avec|volume)|sans\+avec|sans cont?r?aste & avec|sans et avec", said)
    without, with_ = (
        _NO_INJECTION.search(said),
        _INJECTION.search(re.sub(r"avec contraste (au barium )?(per os|par voie rectale)\+?", "", said)),
    )
    if both or ("sans" in said and re.search(r"sans (&|et) avec", said)):
        return "sans-et-avec"
    return "sans" if without else "avec" if with_ else ""


def loinc_rows(table: Sequence[tuple[str, str]], rules: Rules, exams: Exams) -> list[Row]:
    """Return one line per code of the national list, by code; the usual code of each exam is marked."""
    rows: list[Row] = []
    plain: dict[str, list[tuple[bool, int, str]]] = defaultdict(list)
    for code, label in table:
        found, place = rules.reading(label)
        row = _row(code, label, found, place[0], exams)
        rows.append(row)
        if row.exams in exams and not row.side and not row.qualifier and _is_plain(label) and _fits(row, exams):
            plain[row.exams].append((place in rules.regions and place not in rules.first, len(label), code))
    labels = {label: code for code, label in table}
    usual = {labels[rules.usual[exam]] if exam in rules.usual else min(candidates)[2] for exam, candidates in plain.items()}
    usual |= {labels[label] for label in rules.usual.values()}
    return sorted((replace(row, usual="oui" if row.code in usual else "") for row in rows), key=lambda row: _by_number(row.code))


def _row(code: str, label: str, found: str, technique: str, exams: Exams) -> Row:
    contrast = contrast_of(label)
    if found == "?imprecis":
        return Row(code, "hors-perimetre", side_of(label), contrast, reason="imprecis")
    if found.startswith("?"):
        return Row(code, "hors-perimetre", reason=found[1:])
    plain, _, injected = found.partition("/")
    named = [one.strip() for one in (injected if injected and contrast in ("avec", "sans-et-avec") else plain).split("+")]
    unknown = [exam for exam in named if exam not in exams or exams[exam].modality not in _MODALITIES[technique]]
    if unknown:
        raise SystemExit(f"{code} « {label} »: {', '.join(unknown)} not in the catalogue, or of another technique")
    qualifier = " ".join(name for name, pattern in _QUALIFIERS.items() if pattern.search(label))
    return Row(code, "+".join(named), side_of(label), contrast, qualifier)


def _is_plain(label: str) -> bool:
    return "incidence" not in label.partition(";")[2].replace("incidences", "", 1) and not re.search(
        r"[(&]|\d|oblique|latéral|position", label
    )


def _fits(row: Row, exams: Exams) -> bool:
    return row.contrast in ("", "avec" if exams[row.exams].contrast else "sans", "intra-articulaire")


def _by_number(code: str) -> tuple[int, str]:
    number = code.partition("-")[0]
    return (int(number) if number.isdigit() else 0, code)


def ccam_rows(table: Iterable[tuple[str, str]], extra: Mapping[str, str], exams: Exams) -> list[Row]:
    """Return one line per act: what tools/codes/ccam.yaml says, else the exams that carry it in examens.yaml."""
    carried: dict[str, list[str]] = defaultdict(list)
    for exam in exams.values():
        for act in exam.ccam:
            carried[act].append(exam.id)
    rows = []
    for code, label in table:
        found = extra.get(code) or " | ".join(carried.get(code, ())) or "?sans-equivalent"
        if found.startswith("?"):
            rows.append(Row(code, "hors-perimetre", reason=found[1:]))
            continue
        named = "+".join(one.strip() for one in found.split("+")) if "+" in found else " ".join(one.strip() for one in found.split("|"))
        unknown = set(re.split(r"[ +]", named)) - exams.keys()
        if unknown:
            raise SystemExit(f"{code}: {', '.join(sorted(unknown))} not in the catalogue")
        rows.append(Row(code, named, _act_side(label), _act_contrast(label)))
    return sorted(rows, key=lambda row: row.code)


def _act_side(label: str) -> str:
    return "bilateral" if re.search(r"\bdes (2|deux)\b|deux hanches|(?<!uni/)\bbilatérale\b", label) else ""


def _act_contrast(label: str) -> str:
    if re.search(r"^arthro", label, re.IGNORECASE):
        return "intra-articulaire"
    if "sans injection" in label:
        return "sans"
    return "avec" if re.search(r"avec (injection|contraste)|^angioscanner|3 phases", label, re.IGNORECASE) else ""


def written(name: str, rows: Iterable[Row]) -> str:
    """Return the content of a shipped file: what it is, then one line per code."""
    out = io.StringIO()
    out.writelines(f"# {line}\n" for line in (*HEADERS[name], FORMAT))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return out.getvalue()


def read_table(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (code, label) of a national table, spaces made plain."""
    with path.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            yield line["code"].strip(), " ".join(line["label_fr"].replace("\xa0", " ").split())


def summary(rows: Iterable[Row]) -> str:
    """Return the share of codes that name an exam, and the count of each reason for being out of scope."""
    reasons = Counter(row.reason or "examen" for row in rows)
    total = sum(reasons.values())
    return ", ".join(f"{reason} {count} ({count / total:.1%})" for reason, count in reasons.most_common())


def main() -> None:
    """Write both files and say how many codes each of them maps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loinc", type=Path, help="JDV_CodesDocumentImagerie_CISIS en CSV (code, label_fr)")
    parser.add_argument("ccam", type=Path, help="actes d'imagerie de la CCAM en CSV (code, label_fr)")
    parser.add_argument("--to", type=Path, default=DATA / "codes", help="dossier où écrire")
    arguments = parser.parse_args()
    exams = {entry["id"]: ExamForm.model_validate(entry) for entry in yaml.safe_load((DATA / "examens.yaml").read_text(encoding="utf-8"))}
    rules = Rules(yaml.safe_load((RULES / "loinc.yaml").read_text(encoding="utf-8")))
    extra = yaml.safe_load((RULES / "ccam.yaml").read_text(encoding="utf-8"))
    for name, rows in (
        ("loinc.csv", loinc_rows([*read_table(arguments.loinc)], rules, exams)),
        ("ccam.csv", ccam_rows(read_table(arguments.ccam), extra, exams)),
    ):
        arguments.to.mkdir(parents=True, exist_ok=True)
        (arguments.to / name).write_text(written(name, rows), encoding="utf-8")
        sys.stdout.write(f"{name} : {len(rows)} codes ; {summary(rows)}\n")


if __name__ == "__main__":
    main()
