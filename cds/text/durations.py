"""Durations of illness as GPs write them: « depuis 3 sem », « J15 », « depuis mars », « ça fait deux mois ».

They come out in days; a month counts four weeks and a year twelve such months.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

from pertimage.cds.text.patterns import DAYS, compiled
from pertimage.cds.text.quantities import Quantity
from pertimage.guidelines.words import fold

MONTHS = ("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre", "decembre")
_NUMBER_WORDS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "douze": 12, "quinze": 15,
    "quelques": 3, "qq": 3, "qques": 3, "qqs": 3, "un bon": 1, "une bonne": 1, "plusieurs": 4, "plsrs": 4, "des": 4, }  # fmt: skip
_ROUND = {"huitaine": 8, "dizaine": 10, "quinzaine": 15, "vingtaine": 20, "trentaine": 30}
_NUMBER_WORDS |= {f"une {size}{word} de": n for word, n in _ROUND.items() for size in ("", "bonne ", "petite ", "grosse ")}
_COUNTED = "deux|trois|quatre|cinq|six|sept|huit|neuf|dix|douze|quinze"
_HALF = r"(?P<half>\s*(?:et demie?|1/2)\b)?"
_UNITS = r"(?P<unit>trimestres?|jours?|jrs?|j|semaines?|sems?|s|mois|m|annees?|ans?|a|heures?|h)(?![a-z])" + _HALF
_AMOUNT = (
    r"(?:~|env(?:iron)?\.?|plus de|plus d'|>|pres de|au moins|moins de|<)?\s*(?P<n>\d+(?:[.,]\d+)?|"
    + "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
    + r")(?:\s*(?:bons?|bonnes?|petite?s?|gros|grosses|long(?:ue)?s)(?=\s))?"
)
_RANGE = r"(?:\s*(?:a|-|/|ou)\s*(?P<upper>\d+))?"


def _days(match: re.Match[str]) -> float:
    number = match.groupdict().get("upper") or match.group("n")
    amount = float(_NUMBER_WORDS.get(" ".join(number.split()), 0) or number.replace(",", "."))
    less = 1.0 if re.match(r"[^0-9]*(?:moins de|<)", match.group()) else 0.0
    amount += 0.5 if match.groupdict().get("half") else 0.0
    return amount * DAYS[match.group("unit")[0]] - less


_SINCE = r"(?:depuis|dps|dep\.?|dpuis|dupuis|depui)\s*(?:presque|deja|bientot|quasiment|a peu pres|maintenant|plus ou moins)?\s*"
_AFTER_SINCE = ("depuis",)
# A complaint that « de » may date: « sciatique de 2 mois », but not « kiné de 2 mois ».
_COMPLAINT_OF = compiled(
    r"\b(?:\w+(?:algie|ite|ose|pathie|ragie|rhee|urie|pnee|plegie)s?|douleurs?|toux|sciatique|fievre|boiterie|vertiges?|genes?|mal|torticolis|lumbago|raideur"
    r"|saignements?|insomnies?|asthenie|amaigrissement|evolution|anciennete|histoire|plaintes?|symptomes?|troubles?|acouphenes?|paresthesies?) de $"
)
# « je vous adresse ce jour », « vu ce matin » date the letter, not the illness.
_NOT_SEEN = "".join(f"(?<!{word} )" for word in "adresse adressons confie recois vois revois examine vu vue revu revue".split())
# Rank, pattern, how it reads in days, and the pieces of words without which it cannot match.
_STATED: list[tuple[int, re.Pattern[str], Callable[[re.Match[str]], float], tuple[str, ...]]] = [
    (0, compiled(_SINCE + _AMOUNT + _RANGE + r"\s*" + _UNITS), _days, _AFTER_SINCE),
    (
        0,
        compiled(
            r"(?:evoluant|evolue|evolution|dure|durant|durent|trainant|traine|duree)\s*(?:depuis|de|:|sur)?\s*"
            + _AMOUNT
            + _RANGE
            + r"\s*"
            + _UNITS
        ),
        _days,
        ("evol", "dur", "train"),
    ),
    (0, compiled(_AMOUNT + _RANGE + r"\s*" + _UNITS + r"\s*(?:d'|d )\s*(?:evol|anciennete)\w*"), _days, ("evol", "anciennete")),
    (
        0,
        compiled(
            _SINCE
            + r"(?:ce matin|cette nuit|cet apres[- ]midi|aujourd'hui|ce jour|tout a l'heure|ce soir|qq(?:ues)? heures|quelques heures|le reveil|son reveil|le matin|midi)"
        ),
        lambda _: 0.0,
        _AFTER_SINCE,
    ),
    (0, compiled(_SINCE + r"(?:hier)(?: soir| matin)?"), lambda _: 1.0, _AFTER_SINCE),
    (0, compiled(_SINCE + r"(?:avant[- ]hier)"), lambda _: 2.0, _AFTER_SINCE),
    (
        0,
        compiled(_SINCE + r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|ce week[- ]?end|le week[- ]?end|we)\b"),
        lambda _: 4.0,
        _AFTER_SINCE,
    ),
    (0, compiled(_SINCE + r"(?:peu|recemment|la semaine derniere)\b"), lambda _: 7.0, _AFTER_SINCE),
    (
        0,
        compiled(_SINCE + r"(?:longtemps|toujours|longue date|l'enfance|l'adolescence|annees|des lustres)\b"),
        lambda _: 1000.0,
        _AFTER_SINCE,
    ),
    (
        1,
        compiled(r"(?:^|[^a-z])j\s?\+?\s?(?P<n>\d{1,3})(?![\d/])(?!\s*(?:du|de) (?:cycle|regles))"),
        lambda m: float(m.group("n")),
        ("j",),
    ),
    (1, compiled(r"\b(?P<n>\d{1,2})\s?(?:er|ere|e|eme|ieme)\s+jour\b"), lambda m: float(m.group("n")), ("jour",)),
    (
        1,
        compiled(r"\b(?P<n>\d{1,2})\s?(?:er|ere|e|eme|ieme)\s+(?P<unit>semaine|sem|mois)\b(?! (?:de grossesse|d'amenorrhee|de vie|post))"),
        _days,
        ("sem", "mois"),
    ),
    (
        0,
        compiled(_SINCE + r"(?:une )?(?:bonne |petite |grosse )?(?P<round>" + "|".join(_ROUND) + r")\b(?! de)"),
        lambda m: float(_ROUND[m.group("round")]),
        _AFTER_SINCE,
    ),
    (
        3,
        compiled(r"\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b(?! (?:prochain|en huit|\d))"),
        lambda _: 4.0,
        ("di",),
    ),
    (
        0,
        compiled(
            r"\b(?:(?:ca|cela|ce la) fait|voila|voici)\s*(?:deja|bientot|presque|environ|bien)?\s*" + _AMOUNT + _RANGE + r"\s*" + _UNITS
        ),
        _days,
        ("fait", "voi"),
    ),
    (
        0,
        compiled(_AMOUNT + _RANGE + r"\s*" + _UNITS + r"\s*qu(?:e (?:ca|cela)|'il|'elle)\b"),
        _days,
        ("que ca", "que cela", "qu'il", "qu'elle"),
    ),
    (3, compiled(r"\b(?:la )?(?:semaine|sem) (?:derniere|passee)\b"), lambda _: 7.0, ("sem",)),
    (3, compiled(r"\b(?:le )?mois (?:dernier|passe)\b"), lambda _: 28.0, ("mois",)),
    (3, compiled(r"\b(?:l'an|l'annee|an|annee) (?:dernier|derniere|passe|passee)\b"), lambda _: 336.0, ("an",)),
    (3, compiled(r"il y a\s*" + _AMOUNT + _RANGE + r"\s*" + _UNITS), _days, ("il",)),
    (
        3,
        compiled(rf"{_NOT_SEEN}\b(?:ce matin|cette nuit|aujourd'hui|ce jour|tout a l'heure)\b"),
        lambda _: 0.0,
        ("matin", "nuit", "aujourd", "jour", "heure"),
    ),
    (3, compiled(r"(?<!avant[- ])\bhier\b"), lambda _: 1.0, ("hier",)),
    (3, compiled(r"avant[- ]hier\b"), lambda _: 2.0, ("hier",)),
    (
        4,
        compiled(r"\b(?:chroniques?|anciennes?|de longue date|au long cours|chro\b|trainante?s?)"),
        lambda _: 180.0,
        ("chro", "ancien", "long", "train"),
    ),
    (
        4,
        compiled(r"\b(?:aigue?s?|recentes?|recent|debut brutal|brutales?|brutalement|subites?|subitement|soudaine?s?)\b"),
        lambda _: 3.0,
        ("aigu", "recent", "bruta", "subit", "soudain"),
    ),
]
_BARE = compiled(r"(?<![\d/.,a-z])" + _AMOUNT + _RANGE + r"\s*(?P<unit>jours?|jrs?|j|semaines?|sems?|mois)(?![a-z])" + _HALF)
_SINCE_MONTH = compiled(
    _SINCE
    + r"(?:debut |fin |mi-|le mois de |le mois d')?(?:(?P<day>\d{1,2})\s+)?(?P<month>"
    + "|".join(MONTHS)
    + r")(?:\s+(?P<year>20\d\d|19\d\d))?"
)
# Landmarks of the year, as month and day.
_LANDMARKS = {
    "rentree": (9, 1), "toussaint": (11, 1), "noel": (12, 25), "nouvel an": (1, 1), "jour de l'an": (1, 1), "paques": (4, 12), "ete": (7, 15),
    "automne": (10, 1), "hiver": (1, 15), "printemps": (4, 15), "14 juillet": (7, 14), "15 aout": (8, 15), "vacances": (8, 1), "ascension": (5, 15),
}  # fmt: skip
_SINCE_LANDMARK = compiled(
    _SINCE
    + r"(?:debut |fin |mi-|la fin de |le debut de )?(?:de |du |la |le |l'|les |cet |cette )*(?P<landmark>"
    + "|".join(_LANDMARKS)
    + r")\b(?! (?:20|19)\d\d)"
)
_SINCE_YEAR = compiled(_SINCE + r"(?:l'ete |l'hiver |le printemps |l'automne )?(?P<year>19\d\d|20\d\d)\b")
_SINCE_DATE = compiled(_SINCE + r"(?:le )?(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})(?:[/.-](?P<year>\d{2,4}))?")
_NOT_ILLNESS = compiled(
    r"\b(?:pendant|sous|malgre|apres|durant|dans|d'ici|tous les|toutes les|x|revoir a|revoir dans|ains|ttt|traitement|kine|antalgiques?"
    r"|corticoides?|traite\w*|il y a|pour|a|de|controle a|age de|agee de|nourrisson|bebe|enfant|fille|garcon)\s*(?:de )?$"
)
_TREATMENT = compiled(
    r"(?:sous|suivi\w* pour|traite\w* par|prend|ttt|traitement|cortico\w*|cortisone|cortancyl|prednisone|solupred)[^,.;\n]{0,30}$"
)


# Where « depuis » and its spellings stand, and the letters without which a reading need not be tried: most texts state one duration.
_SINCE_HERE = re.compile(r"d(?:epui|ps|ep|puis|upuis)")
_TIME = re.compile(
    r"depui|dp|dep|(?:ca|la) fait|voila|voici|an(?:s|nee)?\s+(?:qu|dern|pass)|evol|dur|traina|il\s+y\s+a|j\s?\+?\s?\d|\d\s*j|hier|matin|jour|nuit|sem|mois|"
    r"chro|ancien|aigu|recent|brutal|subit|soudain|longue?\s|tout\s+a\s"
)
_EXAM_BEFORE = compiled(
    r"\b(?:radios?|radiographies?|rx|irm|scanner|tdm|echo|echographie|doppler|echodoppler|dmo|densitometrie|mammo|mammographie|scintigraphie"
    r"|tep|petscan|pet|cliches?|coloscopie|fibroscopie|bilan|bio|biologie|prise de sang|consultation)"
    r"(?:\s+(?:fait\w*|realis\w*|pass\w*|effectue\w*|normale?s?|ras|ok|deja|datant|date|initiale?s?|rassurante?s?|de|du|des|d'|le|la|l'|au|en|"
    r"genou|hanche|epaule|cheville|pied|main|poignet|coude|bassin|rachis|dos|lombaire|cervicale?|dorsale?|thorax|pulmonaire|abdo\w*|pelvien\w*|"
    r"renale?|hepatique|mammaire|cerebrale?|sinus|thyroid\w*|cardiaque|sanguin))*\s*\(?$"
)
_BARE_NEEDS = re.compile(rf"(?:\d|{_COUNTED})\s*(?:(?:bon|petit|gros|long)\w* )?(?:j|sem|mois)")


def durations(text: str, on: date | None) -> list[Quantity]:
    """Return the durations of illness that the text states, in days, best reading first (lowest rank, then earliest)."""
    folded = fold(text)
    if not _TIME.search(folded):
        return []
    since = [match.start() for match in _SINCE_HERE.finditer(folded)]
    found = [
        Quantity("duree", read(match), match.start(), match.end(), rank + demoted)
        for rank, pattern, read, needed in _STATED
        for match in (_from(since, pattern, folded) if needed == _AFTER_SINCE else _matches(pattern, folded, needed))
        if (not (demoted := _demoted(folded, match.start())) or rank < 4) and not (rank == 3 and _dates_an_exam(folded, match.start()))
    ]
    found.extend(_since_dates(folded, on, since) if since else ())
    told = _offsets(found)
    if not all(match.start() in told for match in _BARE_NEEDS.finditer(folded)):
        found.extend(_bare_durations(folded, told))
    return sorted(found, key=lambda q: (q.rank, q.start))


def _from(starts: list[int], pattern: re.Pattern[str], folded: str) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern that begins with « depuis », given where those words are."""
    end = 0
    for start in starts:
        match = pattern.match(folded, start) if start >= end else None
        if match:
            end = match.end()
            yield match


def _matches(pattern: re.Pattern[str], folded: str, needed: tuple[str, ...]) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern in a text that holds one of the pieces of words it needs."""
    return pattern.finditer(folded) if any(piece in folded for piece in needed) else iter(())


def _bare_durations(folded: str, told: frozenset[int]) -> list[Quantity]:
    """Return the durations that nothing introduces (« toux 3 semaines »), but those of a treatment or of an age."""
    return [
        Quantity("duree", _days(match), match.start(), match.end(), 2)
        for match in _BARE.finditer(folded)
        if (not match.group("n").isalpha() or match.group("n") in _COUNTED.split("|"))
        and match.start() not in told
        and _of_illness(folded[max(0, match.start() - 24) : match.start()])
    ]


def _of_illness(before: str) -> bool:
    return not _NOT_ILLNESS.search(before) or bool(_COMPLAINT_OF.search(before))


def _offsets(found: list[Quantity]) -> frozenset[int]:
    """Return the places of the text that the quantities cover."""
    return frozenset(place for quantity in found for place in range(quantity.start, quantity.end))


def _demoted(folded: str, start: int) -> int:
    """Send « sous AINS depuis 3 j » behind a duration of the complaint."""
    return 2 if _TREATMENT.search(folded[max(0, start - 40) : start]) else 0


def _dates_an_exam(folded: str, start: int) -> bool:
    """Say whether a moment is that of an exam already done: « radio du genou normale le mois dernier »."""
    return bool(_EXAM_BEFORE.search(folded[max(0, start - 50) : start]))


def _since_dates(folded: str, on: date | None, starts: list[int]) -> Iterator[Quantity]:
    if on is None:
        return
    for match in _from(starts, _SINCE_LANDMARK, folded):
        month, day = _LANDMARKS[" ".join(match.group("landmark").split())]
        since = _date({"month": str(month), "day": str(day)}, on)
        if since is not None:
            yield Quantity("duree", float((on - since).days), match.start(), match.end())
    for pattern in (_SINCE_DATE, _SINCE_MONTH, _SINCE_YEAR):
        for match in _from(starts, pattern, folded):
            since = _date(match.groupdict(), on)
            if since is not None:
                yield Quantity("duree", float((on - since).days), match.start(), match.end())


def _date(parts: dict[str, str | None], on: date) -> date | None:
    """Return the last such day not after the request; None for an impossible one."""
    month_text = parts.get("month") or "1"
    month = int(month_text) if month_text.isdigit() else MONTHS.index(month_text) + 1
    day = int(parts.get("day") or 1)
    year_text = parts.get("year")
    year = on.year if not year_text else int(year_text) + (2000 if len(year_text) == 2 else 0)
    try:
        found = date(year, month, day)
        if found > on and not year_text:
            found = date(year - 1, month, day)
    except ValueError:
        return None
    return found if found <= on else None
