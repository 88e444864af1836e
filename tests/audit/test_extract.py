"""The extract for researchers: what it lets out, what nobody can compute from it, and that it is the same twice."""

import csv
import io
import sqlite3
import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from pertimage.audit.activity import add_activity
from pertimage.audit.extraction import files
from pertimage.audit.extraction.aggregates import Month, Split, month_rows
from pertimage.audit.extraction.build import Order
from pertimage.audit.extraction.catalogue import LINES, dictionary_markdown, specs
from pertimage.audit.extraction.files import Form, NoParquetError, cell
from pertimage.audit.extraction.lines import leaving, line_rows, salted
from pertimage.audit.extraction.register import extracts_of, make
from pertimage.audit.extraction.source import Wanted, bounds, months
from pertimage.audit.patient_links import PatientAnswer, Reason
from pertimage.audit.patients import PatientRegister
from pertimage.audit.programme_register import Programme
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.review import RuleOpinion, RuleVerdict
from pertimage.audit.tables import (
    activity,
    assessments,
    exchanges,
    feedback,
    programme_events,
    requests,
    reviews,
    rule_opinions,
)
from tests.audit.scenes import exam, record
from tests.project import ROOT

FAR = 10_000
SECRET = "Mme Martin née Dupont"
SALT, OTHER_SALT = b"s" * 16, b"t" * 16
REASONS = frozenset(("desaccord", "refus-patient"))
FREE_TEXT = {
    requests.c.text, requests.c.exam_text, requests.c.reference, reviews.c.reason, reviews.c.question, reviews.c.answer, reviews.c.pool, exchanges.c.text,
    rule_opinions.c.words, programme_events.c.words, programme_events.c.author, feedback.c.card,
}  # fmt: skip
SITES, TECHNIQUES, EXAMS, AGES = "abc", "TU", "xy", "12"
CELLS = [*product(SITES, TECHNIQUES, EXAMS, AGES)]


def month_of(counts):
    """Return a month whose exams are counted by site, technique, exam and age."""
    totals, technique, exams, age = (Counter() for _ in range(4))
    for (site, modality, name, band), count in counts.items():
        totals[site] += count
        technique[site, modality, ""] += count
        exams[site, modality, name] += count
        age[site, band, ""] += count
    splits = (Split("activite_technique", technique, {"activite_examen": exams}), Split("activite_age", age))
    return Month("2026-01", "activite", totals, splits)


def spoken(table, key):
    """Return the cells that a line of a table counts."""
    site, *classes = key
    names = dict(zip(SPELT[table], classes, strict=True))
    return [
        (
            site in ("*", one[0])
            and names.get("T", one[1]) == one[1]
            and names.get("E", one[2]) == one[2]
            and names.get("A", one[3]) == one[3]
        )
        for one in CELLS
    ]


SPELT = {"activite": "", "activite_technique": "T", "activite_examen": "TE", "activite_age": "A"}
CLASSES = {"T": TECHNIQUES, "E": EXAMS, "A": AGES}


def every_line():
    """Return the key of every count that the tables could hold."""
    return [
        (table, (site, *names))
        for table, spelt in SPELT.items()
        for site in (*SITES, "*")
        for names in product(*(CLASSES[one] for one in spelt))
    ]


def known_of(published, table, key):
    """Return the bounds that a reader gives to a count of a table."""
    if (table, key) in published:
        value, mask = published[table, key]
        if value is not None:
            return max(8, value - 2), value + 2
        return (1, 7) if mask == "petit-effectif" else (1 if key[0] == "*" else 8, FAR)
    return (0, FAR) if any(published.get((table, (*key[:depth], "*"))) for depth in range(1, len(key))) else (0, 0)


@settings(max_examples=25)
@given(st.lists(st.one_of(st.just(0), st.integers(1, 4), st.integers(1, 40)), min_size=len(CELLS), max_size=len(CELLS)))
def test_all_the_tables_of_a_month_together_give_no_small_count_away(values):
    """By integer programming over every published table at once, each count from 1 to 7, shown anywhere or not, keeps four values."""
    truth = dict(zip(CELLS, values, strict=True))
    published = {(table, tuple(row[1:-2])): row[-2:] for table, row in month_rows(month_of(truth))}
    lines = every_line()
    held = np.array([spoken(table, key) for table, key in lines], dtype=float)
    limits = np.array([known_of(published, table, key) for table, key in lines], dtype=float)
    counts = held @ np.array(values)
    assert all(low <= count <= high for count, (low, high) in zip(counts, limits, strict=True))
    rows = LinearConstraint(held, limits[:, 0], limits[:, 1])
    small = [line for line, count in zip(held, counts, strict=True) if 1 <= count <= 7]
    for line in small[:: max(1, len(small) // 4)]:
        ends = [milp(way * line, constraints=rows, bounds=Bounds(0, FAR), integrality=np.ones(len(CELLS))).fun * way for way in (1, -1)]
        assert round(ends[1]) - round(ends[0]) >= 3


def opened(path):
    """Return a function that reads a table of an extract, line by line."""

    def read(query):
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(query if " " in query else f"SELECT * FROM [{query}]")]
        connection.close()
        return rows

    return read


@pytest.fixture
def filled(register, now):
    """Give a store with exams, requests, reviews, feedback and answers, and a name written wherever one can write."""
    rows = [
        exam(
            f"{site}{month}{number}", site=site, modality="MR" if number % 3 else "CT", exam="irm-genou" if number % 3 else None, age=40, patient=f"p{number}",
            requested_at=datetime(2026, month, 5, 10, 30, tzinfo=UTC), performed_at=datetime(2026, month, 15, 14, 20, tzinfo=UTC), outcome="appropriate",
        )
        for site, each in (("a", 60), ("b", 33), ("c", 3)) for month in (1, 2) for number in range(each)
    ]  # fmt: skip
    rows.append(exam("nuit", site="a", performed_at=datetime(2026, 3, 31, 22, 30, tzinfo=UTC)))
    add_activity(register.journal, rows, Pseudonyms("k" * 16), at=now)
    add_activity(register.journal, [exam("f", site="demo", performed_at=now, fictitious=True)], Pseudonyms("k" * 16), at=now)
    for site in ("a", "b", "=1+1"):
        register.set_site(site, f"@Site {site}", at=now)
    register.set_site("demo", "Démo", fictitious=True, at=now)
    asked = record(register, now, site="a", priority=SECRET, flagged=True, signed=True)
    record(register, now, site="demo", signed=True)
    said = RuleOpinion("lombalgie-commune/recente", RuleVerdict.DISAGREE, SECRET)
    register.decide(asked, "refuser", reason=SECRET, radiologist="r1", rule=said, at=now)
    for reason in ("desaccord", SECRET):
        register.feedback(SECRET, "overridden", reason=reason, request=asked, at=now)
    patients = PatientRegister(register.journal)
    patients.open(asked, "a" * 64, expires=now + timedelta(days=9), author="p1", at=now)
    answer = PatientAnswer(4, renounced=True, reasons=(Reason.COST,))
    patients.answer(patients.link_of(asked), "c" * 64, answer, site="a", language="fr", at=now)
    Programme(register.journal).note("greve", SECRET, site="a", since=date(2026, 1, 5), author=SECRET, at=now)
    return register


def restricted(salt=SALT, **wanted):
    """Return the order of a restricted extract."""
    return Order(Wanted(reasons=REASONS, **wanted), restricted=True, author="Dr A", reason="étude X", salt=salt)


def test_the_protected_extract_counts_without_saying_small_counts(filled, now, tmp_path):
    """Months of Paris, rounded counts, a small site hidden with another so that the total does not give it, and never a line about a person."""
    made = make(filled.journal, tmp_path / "e.db", Form.SQLITE, Order(Wanted()), at=now)
    read = opened(made.path)
    january = {row["site"]: (row["examens"], row["masque"]) for row in read("SELECT * FROM activite WHERE mois = '2026-01'")}
    assert january == {"*": (95, None), "a": (60, None), "b": (None, "secondaire"), "c": (None, "petit-effectif")}
    assert {row["mois"] for row in read("activite")} == {"2026-01", "2026-02", "2026-04"}
    assert {row["masque"] for row in read("SELECT * FROM activite_technique WHERE site IN ('b', 'c')")} == {"non-ventile"}
    quantiles = read("SELECT * FROM activite_quantiles WHERE mois = '2026-01' AND site = 'a'")
    assert {(row["technique"], row["mediane_jours"], row["p90_jours"]) for row in quantiles} == {("MR", 10.2, None), ("CT", 10.2, None)}
    assert not {"examens", "_anonymat"} & set(made.tables)
    assert {row["cle"]: row["valeur"] for row in read("_lisez_moi")}["niveau"] == "Agrégats protégés"
    assert {row["nom"] for row in read("sites")} == {"@Site a", "@Site b", "@Site =1+1"}
    assert read("vue_volumes")


def test_lines_leave_without_names_words_or_instants(filled, now, tmp_path):
    """Whatever was written anywhere, no word of it leaves; days without hour, pseudonyms that are not those of the store."""
    made = make(filled.journal, tmp_path / "e.db", Form.SQLITE, restricted(), at=now)
    read, content = opened(made.path), made.path.read_bytes()
    assert made.path.name == "e-RESTREINT.db"
    assert made.path.stat().st_mode & 0o777 == 0o600
    hidden = ("Martin", "Dupont", "lumbago", "IRM rachis", "T10:30", "T14:20")
    assert not [word for word in hidden if word.encode() in content]
    with filled.journal.store.reader.connect() as connection:
        known = {value for row in connection.execute(activity.select()) for value in (row.accession, row.patient) if value}
        asked = {row.id for row in connection.execute(requests.select())}
    assert not [value for value in known | asked if value.encode() in content]
    lines = read("examens")
    assert len(lines) == 193
    assert {row["demande_le"] for row in lines} == {"2026-01-05", "2026-02-05", None}
    assert [row["accession"] for row in lines] == sorted(row["accession"] for row in lines)
    assert len({row["patient"] for row in lines if row["patient"]}) == 60
    assert [row["priorite"] for row in read("lignes_demandes")] == ["autre"]
    assert sorted(row["motif"] for row in read("lignes_retours")) == ["autre", "desaccord"]
    (answered,) = read("lignes_reponses_patients")
    assert (answered["site"], answered["comprehension"], answered["renoncement"], answered["motifs"]) == ("a", 4, 1, "cout")
    assert {row["cle"]: row["valeur"] for row in read("_lisez_moi")}["niveau"] == "DONNÉES RESTREINTES"
    sizes = {row["taille"]: (row["combinaisons"], row["examens"]) for row in read("_anonymat")}
    assert sizes == {"1": (3, 3), "2-4": (2, 4), "8-19": (2, 22), "20+": (6, 164)}
    assert sum(row["examens"] for row in read("SELECT * FROM activite WHERE site <> '*'")) == 193


def test_the_demonstration_and_the_real_never_meet(filled, now, tmp_path):
    """An extract of fictitious data holds nothing else, and says so; a real one holds none of it."""
    made = make(filled.journal, tmp_path / "f.db", Form.SQLITE, restricted(fictitious=True), at=now)
    read = opened(made.path)
    assert [row["site"] for row in read("examens")] == [row["site"] for row in read("lignes_demandes")] == ["demo"]
    assert [row["site"] for row in read("sites")] == ["demo"]
    assert not read("lignes_retours")
    assert {row["cle"]: row["valeur"] for row in read("_lisez_moi")}["donnees"].startswith("FICTIVES")
    real = opened(make(filled.journal, tmp_path / "r.db", Form.SQLITE, restricted(), at=now).path)
    assert "demo" not in {row["site"] for table in ("examens", "lignes_demandes", "sites", "activite") for row in real(table)}


def test_the_same_extract_twice_is_the_same(filled, now, tmp_path):
    """Same store, same arguments, same salt: the same bytes in CSV, as a folder or a zip, though the first was written to the journal."""
    sums = [make(filled.journal, tmp_path / name, Form.CSV, restricted(), at=now).digest for name in ("1.zip", "2.zip", "3", "4")]
    assert sums[0] == sums[1]
    assert sums[2] == sums[3]
    listed = (tmp_path / "3-RESTREINT" / "SHA256SUMS").read_text().splitlines()
    assert len(listed) == len(specs(restricted=True))
    assert all(files.digest_of(tmp_path / "3-RESTREINT" / name) == digest for digest, name in (line.split("  ") for line in listed))


def test_two_extracts_cannot_be_joined_by_their_pseudonyms(filled, now, tmp_path):
    """Another salt gives other pseudonyms, and another order of the lines."""
    first, second = (
        opened(make(filled.journal, tmp_path / f"{salt[:1]}.db", Form.SQLITE, restricted(salt), at=now).path) for salt in (SALT, OTHER_SALT)
    )
    for table in LINES:
        names = [column.name for column in table.columns if "pseudonyme" in column.meaning]
        seen = [{row[name] for row in read(table.name) for name in names if row[name]} for read in (first, second)]
        assert not seen[0] & seen[1]
    assert [row["technique"] for row in first("examens")] != [row["technique"] for row in second("examens")]
    assert salted(SALT, "patient", "x") != salted(SALT, "person", "x")


def test_an_extract_of_a_few_sites_or_months_is_a_part_of_the_whole(filled, now, tmp_path):
    """Comparing extracts teaches nothing: what a narrower one shows, the whole one shows the same."""
    whole, narrow = (
        opened(make(filled.journal, tmp_path / f"{number}.db", Form.SQLITE, Order(wanted), at=now).path)
        for number, wanted in enumerate((Wanted(), Wanted("2026-02", "2026-02", frozenset("c"))))
    )
    for table in ("activite", "activite_technique", "activite_age", "demandes_avis"):
        kept = [row for row in whole(table) if row["mois"] == "2026-02" and row["site"] in ("c", "*")]
        assert narrow(table) == kept
    assert narrow("SELECT * FROM activite WHERE site = 'c'")


def test_csv_opens_in_a_spreadsheet_and_runs_nothing_there(filled, now, tmp_path):
    """Semicolons, decimal commas; a text that begins like a formula begins with an apostrophe; the name of the file in the archive says the table."""
    made = make(filled.journal, tmp_path / "e.zip", Form.CSV, Order(Wanted()), at=now)
    with zipfile.ZipFile(made.path) as archive:
        sites = archive.read("sites.csv").decode("utf-8-sig")
        quantiles = archive.read("activite_quantiles.csv").decode("utf-8-sig")
    assert {row["site"] for row in csv.DictReader(io.StringIO(sites), delimiter=";")} == {"a", "b", "'=1+1"}
    assert ";10,2;" in quantiles
    assert [cell(value) for value in ("=1", "+1", "-1", "@a", "\tx", "a=1", None, 1.5, -2)] == [
        "'=1", "'+1", "'-1", "'@a", "'\tx", "a=1", "", "1,5", "-2",
    ]  # fmt: skip


def test_who_took_what_is_kept(filled, now, tmp_path):
    """The journal says who, why, what of, how many lines, which digest; the file given is the one it names."""
    made = make(filled.journal, tmp_path / "e.db", Form.SQLITE, restricted(since="2026-01", sites=frozenset("a")), at=now)
    (kept,) = extracts_of(filled.journal.store.reader)
    assert (kept.author, kept.reason, kept.restricted, kept.since, kept.sites, kept.name) == (
        "Dr A", "étude X", True, "2026-01", "a", "e-RESTREINT.db",
    )  # fmt: skip
    assert kept.digest == made.digest == files.digest_of(made.path)
    assert kept.lines == sum(made.tables.values())


def test_an_extract_that_cannot_be_written_down_is_not_given(filled, now, tmp_path, monkeypatch):
    """When the journal refuses, no file is left."""
    monkeypatch.setattr(filled.journal, "append", lambda *given, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(filled.journal, tmp_path / "e.db", Form.SQLITE, Order(Wanted()), at=now)
    assert not [path for path in tmp_path.iterdir() if "store" not in path.name]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"author": "Dr A"}, "un auteur et un motif"),
        ({"author": "Dr A", "reason": " "}, "un auteur et un motif"),
        ({"author": "Dr A", "reason": "x", "salt": b"court"}, "16 octets"),
    ],
)
def test_a_restricted_extract_needs_somebody_a_reason_and_a_salt(given, message):
    """Without them there is no order."""
    with pytest.raises(ValueError, match=message):
        Order(Wanted(), restricted=True, **given)


@pytest.mark.parametrize(("since", "until"), [("2026", None), ("2026-13", None), ("2026-02-03", None), ("2026-02", "2026-01")])
def test_a_period_is_made_of_whole_months(since, until):
    """Days would let two extracts be subtracted."""
    with pytest.raises(ValueError, match=r"mois entiers|finit avant"):
        Wanted(since, until)


def test_every_column_that_leaves_is_on_the_list_and_none_is_free_text():
    """The columns of the lines are those of the dictionary, of a closed kind, and none comes from where people write."""
    columns = leaving(SALT, REASONS)
    assert {name: len(found) for name, found in columns.items()} == {table.name: len(table.columns) for table in LINES}
    kinds = {"pseudonyme", "jour", "mois", "oui-non", "nombre", "code", "site", "mot", "mots"}
    for found in columns.values():
        for one in found:
            sources = {*one.source._from_objects, one.source} if one.source in FREE_TEXT else set()
            assert not sources
            assert one.kind in kinds
            if one.kind in ("code", "mot", "mots"):
                assert SECRET not in str(one.convert(SECRET))
    assert {column.name for column in assessments.c} >= {"rule", "target_days"}


def test_the_documentation_is_the_dictionary():
    """docs/extrait.md holds each table and each column as the code makes them."""
    assert dictionary_markdown() in (ROOT / "docs" / "extrait.md").read_text(encoding="utf-8")


def test_each_column_of_each_table_is_in_the_dictionary_of_the_file(filled, now, tmp_path):
    """What the file has, the file explains."""
    path = make(filled.journal, tmp_path / "e.db", Form.SQLITE, restricted(), at=now).path
    read = opened(path)
    tables = [row["name"] for row in read("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {(table, row["name"]) for table in tables for row in read(f"PRAGMA table_info([{table}])")}
    assert columns == {(row["table"], row["colonne"]) for row in read("_dictionnaire")}
    assert all(row["sens"] for row in read("_dictionnaire"))


def test_lines_and_months_are_read_as_they_are_written(filled):
    """Neither keeps the store in memory: lines come one by one, exams a month at a time."""
    with filled.journal.store.reader.connect() as connection:
        found = line_rows(connection, "examens", leaving(SALT, REASONS)["examens"], Wanted())
        assert len(next(found)) == 14
        assert [month.month for month in months(connection, Wanted()) if month.table == "activite"][:2] == ["2026-01", "2026-02"]


def test_a_month_begins_at_midnight_in_paris():
    """In summer two hours before midnight in UTC, in winter one."""
    assert bounds("2026-07") == ("2026-06-30T22:00:00.000000Z", "2026-07-31T22:00:00.000000Z")
    assert bounds("2026-12")[1] == "2026-12-31T23:00:00.000000Z"


def test_without_pyarrow_parquet_says_what_to_install(filled, now, tmp_path, monkeypatch):
    """The message names the command; no file is left and the journal keeps nothing."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(files.importlib, "import_module", missing)
    with pytest.raises(NoParquetError, match=r"pip install 'pertimage\[parquet\]'"):
        make(filled.journal, tmp_path / "e", Form.PARQUET, Order(Wanted()), at=now)
    assert not extracts_of(filled.journal.store.reader)


def test_parquet_holds_the_same_lines(filled, now, tmp_path):
    """Types are those of the dictionary."""
    parquet = pytest.importorskip("pyarrow.parquet")
    made = make(filled.journal, tmp_path / "e", Form.PARQUET, restricted(), at=now)
    found = parquet.read_table(made.path / "examens.parquet")
    assert found.num_rows == made.tables["examens"] == 193
    assert str(found.schema.field("irradiant").type) == "int64"
