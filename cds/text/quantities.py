"""Measures, ages, sexes and durations as GPs write them: « T° 38,5 », « F 47a », « depuis 3 sem », « J15 », « depuis mars ».

Durations come out in days; a month counts four weeks and a year twelve such months, so that « 12 semaines » and « 3 mois »
fall on the same side of a threshold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from pertimage.cds.text.mentions import Scene
from pertimage.guidelines.lexicon import FactDef, Lexicon
from pertimage.guidelines.words import fold, stem

MONTHS = ("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre", "decembre")


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which a space stands for any white space (in a class or a look-behind: for one).

    No more than nine in a row: unbounded runs would be tried again at each of their places.
    """
    spaced = re.sub(r"(\[[^\]]*\]|\(\?<[!=][^)]*\))| ", lambda found: found.group(1) or r"\s{1,9}", pattern)
    return re.compile(spaced.replace(r"\s*", r"\s{0,9}"))


_FILLERS = frozenset(
    ": = > < ~ environ est mesure mesuree max maxi maximum jusqu calcule calculee ( autour vers aa + superieur superieure inferieur".split()
)
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
_DAYS = {"t": 84.0, "j": 1.0, "s": 7.0, "m": 28.0, "a": 336.0, "h": 1 / 24}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measure read in the text, with its offsets; ``rank`` orders competing readings, lowest first."""

    fact: str
    value: float
    start: int
    end: int
    rank: int = 0


def measures(scene: Scene, lexicon: Lexicon) -> Iterator[Quantity]:
    """Yield the measures of the lexicon that the text gives: a lead then a number, or a number then its unit."""
    numbers = [index for index, token in enumerate(scene.words) if token.folded[0].isdigit()]
    units = frozenset((lead.entry.name, lead.first) for lead in scene.leads if lead.entry.kind == "after")
    if numbers:
        for lead in scene.leads:
            if lead.entry.kind == "before":
                yield from _after_lead(scene, lexicon.facts[lead.entry.name], lead.first, lead.last, units)
    yield from _glued(scene, lexicon)
    for lead in scene.leads:
        fact = lexicon.facts.get(lead.entry.name) if lead.entry.kind == "after" else None
        if fact and fact.minus_leads:
            yield from _after_minus(scene, fact, lead.first, lead.last)
        if fact and not fact.needs_unit:
            yield from _before_unit(scene, fact, lead.first, lead.last)
    if numbers:
        yield from _bare(scene, lexicon, numbers)


def _after_lead(scene: Scene, fact: FactDef, first: int, last: int, units: frozenset[tuple[str, int]]) -> Iterator[Quantity]:
    words = scene.words
    index = last + 1
    while (
        index < len(words)
        and index - last <= 5
        and (words[index].is_stop or words[index].folded in _FILLERS or words[index].folded in ("°", "c", "%"))
    ):
        index += 1
    if index < len(words) and words[index].folded[0].isdigit() and (not fact.needs_unit or (fact.id, index + 1) in units):
        yield from _bounded(fact, *_value(scene, index), scene.words[first].start)


def _value(scene: Scene, index: int) -> tuple[float, int]:
    """Return the number at a token and the offset of its end; « 38°5 » is 38.5, « 1 200 » is 1200."""
    words = scene.words
    value, end = float(words[index].folded.replace(",", ".")), words[index].end
    if (
        index + 2 < len(words)
        and words[index + 1].folded == "°"
        and re.fullmatch(r"\d", words[index + 2].folded)
        and words[index + 2].start == words[index + 1].end
    ):
        return value + int(words[index + 2].folded) / 10, words[index + 2].end
    following = words[index + 1] if index + 1 < len(words) else None
    if following and re.fullmatch(r"\d{3}", following.folded) and following.start == end + 1 and 1 <= value < 1000 and value.is_integer():
        return value * 1000 + int(following.folded), following.end
    return value, end


def _bounded(fact: FactDef, value: float, end: int, start: int) -> Iterator[Quantity]:
    if (fact.low is None or value >= fact.low) and (fact.high is None or value <= fact.high):
        yield Quantity(fact.id, value, start, end)


def _glued(scene: Scene, lexicon: Lexicon) -> Iterator[Quantity]:
    """Read « T38 », « CRP120 », « FC110 »: a lead and its number in one token."""
    for token in scene.words:
        if len(token.folded) > 1 and token.folded[0].isalpha() and token.folded[-1].isdigit():
            lead = token.folded.rstrip("0123456789")
            for name in lexicon.glued_leads.get(lead, ()):
                yield from _bounded(lexicon.facts[name], float(token.folded[len(lead) :]), token.end, token.start)


def _before_unit(scene: Scene, fact: FactDef, first: int, last: int) -> Iterator[Quantity]:
    words = scene.words
    index = first - 1
    ratio = words[first].folded[0].isdigit()  # « /5 »: a rating, unless it is a pain's
    if ratio and (
        index < 0
        or words[index].folded != "/"
        or any(token.folded in ("eva", "en", "douleur", "intensite") for token in words[max(0, index - 4) : index])
    ):
        return
    if words[first].folded == "°" and any(token.form in _MOVEMENTS for token in words[max(0, index - 4) : index]):
        return  # « abduction 40° » is an angle
    while index >= 0 and (words[index].is_stop or (ratio and words[index].folded == "/")) and index >= first - 1:
        index -= 1
    if index >= 0 and words[index].folded[0].isdigit():
        value, _ = _value(scene, index)
        yield from _bounded(fact, value, words[last].end, words[index].start)


def _after_minus(scene: Scene, fact: FactDef, first: int, last: int) -> Iterator[Quantity]:
    """Read « -6 kg »: a minus that is no range, a number, its unit."""
    words = scene.words
    if (
        first >= 2
        and words[first - 2].folded == "-"
        and words[first - 1].folded[0].isdigit()
        and not (first >= 3 and words[first - 3].folded[0].isdigit())
    ):
        yield from _bounded(fact, _value(scene, first - 1)[0], words[last].end, words[first - 2].start)


def _bare(scene: Scene, lexicon: Lexicon, numbers: list[int]) -> Iterator[Quantity]:
    """Read a number that can only be one measure, when nothing beside makes it another.

    It is a decimal (« genou gonflé, 38.9 »), a whole number of some moment (« toux, 39 depuis hier ») or a pair (« 24/13 »).
    """
    words = scene.words
    for index in numbers:
        written = words[index].folded
        if index + 2 < len(words) and words[index + 1].folded == "/" and words[index + 2].folded.isdigit():
            yield from _pair(scene, lexicon, index)
            continue
        if not ("." in written or "," in written or _of_a_moment(scene, index)):
            continue
        follower = words[index + 1].folded if index + 1 < len(words) else "."
        before = words[index - 1] if index else None
        preceded = before is not None and before.folded in ("/", "x", "-", "+", "<", ">") and before.end == words[index].start
        if follower in _OTHER_UNITS or preceded:
            continue
        value = float(written.replace(",", "."))
        for fact in lexicon.bare_measures:
            if fact.bare and not fact.over and fact.bare[0] <= value <= fact.bare[1]:
                yield Quantity(fact.id, value, words[index].start, words[index].end, 1)


def _of_a_moment(scene: Scene, index: int) -> bool:
    """Say whether a whole number opens an item and is dated: « lombalgie, 39 depuis hier »."""
    words = scene.words
    opens = index == 0 or words[index - 1].folded in (",", ";", ".", "\n", "+", "(")
    return opens and index + 1 < len(words) and words[index + 1].folded in _MOMENTS and words[index].folded.isdigit()


def _pair(scene: Scene, lexicon: Lexicon, index: int) -> Iterator[Quantity]:
    """Read a measure in two numbers, which no date nor fraction can be: « 24/13 »."""
    words = scene.words
    first, slash, second = words[index : index + 3]
    beyond = words[index + 3].folded if index + 3 < len(words) else ""
    joined = first.end == slash.start and slash.end == second.start
    if not joined or not first.folded.isdigit() or beyond in ("/", *_OTHER_UNITS) or (index and words[index - 1].folded in ("/", "-")):
        return
    high, low = int(first.folded[:4]), int(second.folded[:4])
    for fact in lexicon.bare_measures:
        if fact.bare and fact.over and fact.bare[0] <= high <= fact.bare[1] and fact.over[0] <= low <= fact.over[1]:
            yield Quantity(fact.id, float(high), first.start, second.end, 1)


_MOMENTS = frozenset("depuis dps hier ce cette aujourd'hui aujourd matin soir nuit tous".split())


_OTHER_UNITS = frozenset("ans an a mois m j jours jour sem semaines sa mm cm kg g mg ml l % / x kgs h min ng ui u".split())


_MOVEMENTS = frozenset(
    stem(word)
    for word in "abduction elevation antepulsion flexion extension rotation active actif passive passif limite limitee "
    "amplitude angle cobb flessum flexum valgus varus bloque".split()
)


# — age and sex —
_AGE = _compiled(
    r"(?<![\d/.,])(?P<n>\d{1,3})\s*(?P<half>1/2\s*)?(?P<unit>ans?\b|a(?=[\s,.;:)]|$|\s*1/2)|annees?\b)"
    r"|\bage[e]?\s*(?:de|:)?\s*(?P<n2>\d{1,3})(?!\s*(?:mois|m\b|j|sem))"
    r"|\b(?P<who>h|f|homme|femme|patiente?|mme|mr|m|monsieur|madame|pte?)[\s,:.]{0,2}(?P<n3>\d{2,3})(?!\s*(?:mois|m\b|j\b|sem|sa\b|kg|cm|%|/|°|[.,]\d))"
)
_INFANT = _compiled(r"\b(?P<n>\d{1,2})\s*(?P<unit>mois|m|semaines?|sem|jours?|j)\b(?:\s+de\s+vie)?")
_CHILD = _compiled(r"\b(nourrisson|nne|nrs|nour|bb|bebe|nouveau[- ]ne|nn|enfant|garcon|fille|fillette|age de|agee de)\b[^.;\n]{0,14}$")
_NOT_AGE = _compiled(
    r"\b(depuis|dps|dep|il y a|pendant|durant|sur|evolu\w*|d'evolution|depuis plus de|duree|tous les|apres|avant|x|vers"
    r"|opere\w*|operation|post[- ]?op\w*|tabac\w*|fum\w+|recul|a"
    r"|a l'age de|des l'age de|traite\w* il y a|suivi\w* depuis|de plus de|avant l'age de)\s*(?:environ|plus de|pres de|~|les)?\s*$"
)
_SEX = {
    "female": _compiled(
        r"\b(?:femme|mme|madame|patiente|pte|fille|fillette|dame|enceinte|menopausee|gestante|primipare|multipare|g\dp\d)\b"
        r"|(?:^|[\n,.;(])\s*f(?=[\s,.]{0,2}\d|\s+de\s+\d)|\d\s*(?:ans?|a)[\s,]{0,2}f\b"
    ),
    "male": _compiled(
        r"\b(?:homme|mr|monsieur|garcon|masculin)\b|(?:^|[\n,.;(])\s*h(?=[\s,.]{0,2}\d|\s+de\s+\d)|\d\s*(?:ans?|a)[\s,]{0,2}h\b"
    ),
}


def age(text: str, *, newborn: bool = False) -> Quantity | None:
    """Return the age in years that the text states for the patient, infants by fraction of a year.

    ``newborn``: the patient is known to be less than a year old, an item such as « 1 mois » is then the age.
    """
    folded = fold(text)
    for match in _AGE.finditer(folded):
        number = match.group("n") or match.group("n2") or match.group("n3")
        if _NOT_AGE.search(folded[max(0, match.start() - 24) : match.start()]) or _evolution_after(folded, match.end()):
            continue
        if 0 < int(number) <= 115:
            return Quantity("age", float(number), match.start(), match.end())
    for match in _INFANT.finditer(folded):
        before, after = folded[: match.start()].strip(), folded[match.end() : match.end() + 1]
        if (
            _CHILD.search(folded[max(0, match.start() - 30) : match.start()])
            or "de vie" in match.group()
            or ((not before or (newborn and before[-1] in ",;:(")) and after in (",", ":", ";", ")", "."))
        ):
            return Quantity("age", float(match.group("n")) * _DAYS[match.group("unit")[0]] / _DAYS["a"], match.start(), match.end())
    return None


_NOT_AGED = re.compile(r"\s*(?:(?:d'|d )?evolution|de suivi|de recul|qu(?:e |')|d'anciennete)")


def _evolution_after(folded: str, end: int) -> bool:
    return bool(_NOT_AGED.match(folded, end))


def sex(text: str) -> str | None:
    """Return ``female`` or ``male`` when the text says one and not the other."""
    folded = fold(text)
    found = [name for name, pattern in _SEX.items() if pattern.search(folded)]
    return found[0] if len(found) == 1 else None


# — durations —
def _days(match: re.Match[str]) -> float:
    number = match.groupdict().get("upper") or match.group("n")
    amount = float(_NUMBER_WORDS.get(" ".join(number.split()), 0) or number.replace(",", "."))
    less = 1.0 if re.match(r"[^0-9]*(?:moins de|<)", match.group()) else 0.0
    amount += 0.5 if match.groupdict().get("half") else 0.0
    return amount * _DAYS[match.group("unit")[0]] - less


_SINCE = r"(?:depuis|dps|dep\.?|dpuis|dupuis|depui)\s*(?:presque|deja|bientot|quasiment|a peu pres|maintenant|plus ou moins)?\s*"
_AFTER_SINCE = ("depuis",)
# A complaint that « de » may date: « sciatique de 2 mois », but not « kiné de 2 mois ».
_COMPLAINT_OF = _compiled(
    r"\b(?:\w+(?:algie|ite|ose|pathie|ragie|rhee|urie|pnee|plegie)s?|douleurs?|toux|sciatique|fievre|boiterie|vertiges?|genes?|mal|torticolis|lumbago|raideur"
    r"|saignements?|insomnies?|asthenie|amaigrissement|evolution|anciennete|histoire|plaintes?|symptomes?|troubles?|acouphenes?|paresthesies?) de $"
)
# « je vous adresse ce jour », « vu ce matin » date the letter, not the illness.
_NOT_SEEN = "".join(f"(?<!{word} )" for word in "adresse adressons confie recois vois revois examine vu vue revu revue".split())
# Rank, pattern, how it reads in days, and the pieces of words without which it cannot match.
_STATED: list[tuple[int, re.Pattern[str], Callable[[re.Match[str]], float], tuple[str, ...]]] = [
    (0, _compiled(_SINCE + _AMOUNT + _RANGE + r"\s*" + _UNITS), _days, _AFTER_SINCE),
    (
        0,
        _compiled(
            r"(?:evoluant|evolue|evolution|dure|durant|durent|trainant|traine|duree)\s*(?:depuis|de|:|sur)?\s*"
            + _AMOUNT
            + _RANGE
            + r"\s*"
            + _UNITS
        ),
        _days,
        ("evol", "dur", "train"),
    ),
    (0, _compiled(_AMOUNT + _RANGE + r"\s*" + _UNITS + r"\s*(?:d'|d )\s*(?:evol|anciennete)\w*"), _days, ("evol", "anciennete")),
    (
        0,
        _compiled(
            _SINCE
            + r"(?:ce matin|cette nuit|cet apres[- ]midi|aujourd'hui|ce jour|tout a l'heure|ce soir|qq(?:ues)? heures|quelques heures|le reveil|son reveil|le matin|midi)"
        ),
        lambda _: 0.0,
        _AFTER_SINCE,
    ),
    (0, _compiled(_SINCE + r"(?:hier)(?: soir| matin)?"), lambda _: 1.0, _AFTER_SINCE),
    (0, _compiled(_SINCE + r"(?:avant[- ]hier)"), lambda _: 2.0, _AFTER_SINCE),
    (
        0,
        _compiled(_SINCE + r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|ce week[- ]?end|le week[- ]?end|we)\b"),
        lambda _: 4.0,
        _AFTER_SINCE,
    ),
    (0, _compiled(_SINCE + r"(?:peu|recemment|la semaine derniere)\b"), lambda _: 7.0, _AFTER_SINCE),
    (
        0,
        _compiled(_SINCE + r"(?:longtemps|toujours|longue date|l'enfance|l'adolescence|annees|des lustres)\b"),
        lambda _: 1000.0,
        _AFTER_SINCE,
    ),
    (
        1,
        _compiled(r"(?:^|[^a-z])j\s?\+?\s?(?P<n>\d{1,3})(?![\d/])(?!\s*(?:du|de) (?:cycle|regles))"),
        lambda m: float(m.group("n")),
        ("j",),
    ),
    (1, _compiled(r"\b(?P<n>\d{1,2})\s?(?:er|ere|e|eme|ieme)\s+jour\b"), lambda m: float(m.group("n")), ("jour",)),
    (
        1,
        _compiled(r"\b(?P<n>\d{1,2})\s?(?:er|ere|e|eme|ieme)\s+(?P<unit>semaine|sem|mois)\b(?! (?:de grossesse|d'amenorrhee|de vie|post))"),
        _days,
        ("sem", "mois"),
    ),
    (
        0,
        _compiled(_SINCE + r"(?:une )?(?:bonne |petite |grosse )?(?P<round>" + "|".join(_ROUND) + r")\b(?! de)"),
        lambda m: float(_ROUND[m.group("round")]),
        _AFTER_SINCE,
    ),
    (
        3,
        _compiled(r"\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b(?! (?:prochain|en huit|\d))"),
        lambda _: 4.0,
        ("di",),
    ),
    (
        0,
        _compiled(
            r"\b(?:(?:ca|cela|ce la) fait|voila|voici)\s*(?:deja|bientot|presque|environ|bien)?\s*" + _AMOUNT + _RANGE + r"\s*" + _UNITS
        ),
        _days,
        ("fait", "voi"),
    ),
    (
        0,
        _compiled(_AMOUNT + _RANGE + r"\s*" + _UNITS + r"\s*qu(?:e (?:ca|cela)|'il|'elle)\b"),
        _days,
        ("que ca", "que cela", "qu'il", "qu'elle"),
    ),
    (3, _compiled(r"\b(?:la )?(?:semaine|sem) (?:derniere|passee)\b"), lambda _: 7.0, ("sem",)),
    (3, _compiled(r"\b(?:le )?mois (?:dernier|passe)\b"), lambda _: 28.0, ("mois",)),
    (3, _compiled(r"\b(?:l'an|l'annee|an|annee) (?:dernier|derniere|passe|passee)\b"), lambda _: 336.0, ("an",)),
    (3, _compiled(r"il y a\s*" + _AMOUNT + _RANGE + r"\s*" + _UNITS), _days, ("il",)),
    (
        3,
        _compiled(rf"{_NOT_SEEN}\b(?:ce matin|cette nuit|aujourd'hui|ce jour|tout a l'heure)\b"),
        lambda _: 0.0,
        ("matin", "nuit", "aujourd", "jour", "heure"),
    ),
    (3, _compiled(r"(?<!avant[- ])\bhier\b"), lambda _: 1.0, ("hier",)),
    (3, _compiled(r"avant[- ]hier\b"), lambda _: 2.0, ("hier",)),
    (
        4,
        _compiled(r"\b(?:chroniques?|anciennes?|de longue date|au long cours|chro\b|trainante?s?)"),
        lambda _: 180.0,
        ("chro", "ancien", "long", "train"),
    ),
    (
        4,
        _compiled(r"\b(?:aigue?s?|recentes?|recent|debut brutal|brutales?|brutalement|subites?|subitement|soudaine?s?)\b"),
        lambda _: 3.0,
        ("aigu", "recent", "bruta", "subit", "soudain"),
    ),
]
_BARE = _compiled(r"(?<![\d/.,a-z])" + _AMOUNT + _RANGE + r"\s*(?P<unit>jours?|jrs?|j|semaines?|sems?|mois)(?![a-z])" + _HALF)
_SINCE_MONTH = _compiled(
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
_SINCE_LANDMARK = _compiled(
    _SINCE
    + r"(?:debut |fin |mi-|la fin de |le debut de )?(?:de |du |la |le |l'|les |cet |cette )*(?P<landmark>"
    + "|".join(_LANDMARKS)
    + r")\b(?! (?:20|19)\d\d)"
)
_SINCE_YEAR = _compiled(_SINCE + r"(?:l'ete |l'hiver |le printemps |l'automne )?(?P<year>19\d\d|20\d\d)\b")
_SINCE_DATE = _compiled(_SINCE + r"(?:le )?(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})(?:[/.-](?P<year>\d{2,4}))?")
_NOT_ILLNESS = _compiled(
    r"\b(?:pendant|sous|malgre|apres|durant|dans|d'ici|tous les|toutes les|x|revoir a|revoir dans|ains|ttt|traitement|kine|antalgiques?"
    r"|corticoides?|traite\w*|il y a|pour|a|de|controle a|age de|agee de|nourrisson|bebe|enfant|fille|garcon)\s*(?:de )?$"
)
_TREATMENT = _compiled(
    r"(?:sous|suivi\w* pour|traite\w* par|prend|ttt|traitement|cortico\w*|cortisone|cortancyl|prednisone|solupred)[^,.;\n]{0,30}$"
)


# Where « depuis » and its spellings stand, and the letters without which a reading need not be tried: most texts state one duration.
_SINCE_HERE = re.compile(r"d(?:epui|ps|ep|puis|upuis)")
_TIME = re.compile(
    r"depui|dp|dep|(?:ca|la) fait|voila|voici|an(?:s|nee)?\s+(?:qu|dern|pass)|evol|dur|traina|il\s+y\s+a|j\s?\+?\s?\d|\d\s*j|hier|matin|jour|nuit|sem|mois|"
    r"chro|ancien|aigu|recent|brutal|subit|soudain|longue?\s|tout\s+a\s"
)
_EXAM_BEFORE = _compiled(
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
