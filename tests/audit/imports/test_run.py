import csv
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from pertimage.audit.imports.columns import vocabulary
from pertimage.audit.imports.history import check_key, past_imports, save_mapping, saved_mapping
from pertimage.audit.imports.lines import CANCELLED, NO_NUMBER
from pertimage.audit.imports.mapping import guess_mapping
from pertimage.audit.imports.quality import LEAST_CODED, breaks, coding_changes
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.rejects import Rejects
from pertimage.audit.imports.wording import told_quality
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.tables import activity
from tests.audit.imports.files import HEADER, NOW, ROWS, import_into, importer, table_of, text_of

NAMES = Pseudonyms("k" * 16)


def _stored(register, number, site="chu"):
    query = select(activity).where(activity.c.accession == NAMES.accession(site, number))
    with register.journal.store.reader.connect() as connection:
        row = connection.execute(query).one_or_none()
    return row and row._asdict()


def _row(number, *, label="IRM lombaire", modality="IRM", asked="02/01/2026", done="12/01/2026", reported=""):
    return (number, "77", "X", modality, label, asked, done, reported)


def test_an_export_becomes_timelines_without_identity(tmp_path, register):
    """Each line is an exam of the catalogue with its steps in UTC; neither numbers nor names nor labels enter the store."""
    done, report = import_into(register, table_of(tmp_path, text_of()))
    assert (done.added, report["recognised"]["libelle"], report["rejected"]) == (3, 3, {})
    row = _stored(register, "E1")
    assert (row["exam"], row["modality"], row["irradiating"], row["region"]) == ("scanner-tap", "CT", True, "thorax-abdomen-pelvis")
    assert (row["requested_at"], row["performed_at"], row["wait_hours"]) == (
        "2026-01-02T09:00:00.000000Z",
        "2026-01-12T07:45:00.000000Z",
        239,
    )
    with register.journal.store.reader.connect() as connection:
        everything = str(connection.exec_driver_sql("SELECT payload FROM journal").all())
    for secret in ("77001", "DURAND", 'E1"', "TDM TAP", "lombaire avec"):
        assert secret not in everything


def test_a_file_without_numbers_is_counted_once_however_often_it_comes(tmp_path, register):
    """Two exams alike in every word are two; the same file again, or with a step more, adds none."""
    short = tuple((row[1], *row[3:7]) for row in (HEADER, *ROWS, ROWS[0]))
    done, report = import_into(register, table_of(tmp_path, text_of(short)))
    assert (done.added, report["notes"][NO_NUMBER]) == (4, 4)
    assert import_into(register, table_of(tmp_path, text_of(short)))[0].unchanged == 4
    longer = tuple((row[1], *row[3:]) for row in (HEADER, *ROWS, ROWS[0]))
    again = import_into(register, table_of(tmp_path, text_of(longer)))[0]
    assert (again.added, again.updated) == (0, 3)


def test_who_the_patient_is_and_the_act_paid_are_kept_as_codes(tmp_path, register):
    """Sex, rural or urban life and CCAM act, in the words of exports; an odd word is nothing, and counted."""
    rows = (
        ("N° examen", "Modalité", "Code CCAM", "Date examen", "Sexe", "Zone rurale"),
        ("E1", "MG", "QEQK001", "12/01/2026", "Féminin", "oui"),
        ("E2", "MG", "QEQK004-1-0", "13/01/2026", "2", "Urbaine"),
        ("E3", "IRM", "", "14/01/2026", "H", ""),
        ("E4", "IRM", "", "14/01/2026", "X?", "peut-être"),
    )
    _, report = import_into(register, table_of(tmp_path, text_of(rows)))
    found = [tuple(_stored(register, f"E{n}")[name] for name in ("sex", "rural", "ccam")) for n in range(1, 5)]
    assert found == [("F", True, "QEQK001"), ("F", False, "QEQK004"), ("M", None, None), (None, None, None)]
    assert (report["impossible"]["le sexe illisible"], report["impossible"]["le lieu de vie illisible"]) == (1, 1)


def test_importing_again_changes_nothing_and_a_killed_import_is_completed(tmp_path, register):
    """The same file twice adds no record; after a stop in the middle, the same command finishes the work."""
    rows = [_row(f"E{n}") for n in range(250)]
    table = table_of(tmp_path, text_of((HEADER, *rows)))

    def killed(read, lines):
        raise KeyboardInterrupt

    with Rejects(None) as rejects, pytest.raises(KeyboardInterrupt):
        importer(register, batch=100).run([(table, guess_mapping(table, vocabulary(), "chu")[0])], rejects, killed)
    done, _ = import_into(register, table, batch=100)
    assert (done.added + done.unchanged, done.updated) == (250, 0)
    assert done.unchanged in (100, 200)  # what had reached the disk
    head = register.journal.head()
    again, _ = import_into(register, table, batch=100)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 250)
    assert register.journal.head() == head


def test_an_exam_moves_on_and_an_empty_cell_erases_nothing(tmp_path, register):
    """A later export adds the report; an export of requests alone does not take the performance away."""
    import_into(register, table_of(tmp_path, text_of((HEADER, _row("E1", done="")))))
    done, _ = import_into(register, table_of(tmp_path, text_of((HEADER, _row("E1", reported="13/01/2026 10:00")))))
    assert done.updated == 1
    done, _ = import_into(register, table_of(tmp_path, text_of((HEADER, _row("E1", done="")))))
    row = _stored(register, "E1")
    assert (done.unchanged, row["performed_at"], row["reported_at"]) == (1, "2026-01-12T11:00:00.000000Z", "2026-01-13T09:00:00.000000Z")


def test_rejected_lines_are_written_with_their_reason_and_cannot_run(tmp_path, register):
    """Each rejected line is in the file with its number and its reason; a formula in it is text; the others are imported."""
    rows = [
        _row("E1"), _row(""), _row("E3", asked="31/02/2026"), _row("E4", label="=cmd|'/c calc'", modality="?"), _row("E5", asked="", done=""), _row("E6", done="demain"),
    ]  # fmt: skip
    path = tmp_path / "rejets.csv"
    done, report = import_into(register, table_of(tmp_path, text_of((HEADER, *rows))), path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file, delimiter=";"))
    assert done.added == 1
    assert [(line[0], line[1]) for line in written[1:]] == [
        ("3", "numéro d'examen absent"), ("4", "date qui n'existe pas pour la demande"), ("5", "modalité absente et examen non reconnu"),
        ("6", "aucune date"), ("7", "date illisible pour la réalisation"),
    ]  # fmt: skip
    assert written[3][6] == "'=cmd|'/c calc'"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sum(report["rejected"].values()) == 5


def test_impossible_times_are_counted_and_the_exam_kept(tmp_path, register):
    """An exam before its request is kept without wait; placeholders and days to come are taken for absent; a cancelled exam is left out."""
    header = (*HEADER, "Âge", "Statut")
    rows = [
        (*_row("E1", asked="20/01/2026"), "45", "Fait"), (*_row("E2", asked="01/01/1900"), "450", "Fait"), (*_row("E3", done="12/01/2031"), "8 mois", ""),
        (*_row("E4"), "4", "Annulé"), (*_row("E5", asked="12/01/2026", done="12/01/2026 09:00"), "", ""),
    ]  # fmt: skip
    done, report = import_into(register, table_of(tmp_path, text_of((header, *rows))))
    assert done.added == 4
    assert report["impossible"] == {
        "la réalisation avant la demande": 1, "date hors limites pour la demande": 1, "âge impossible": 1, "date hors limites pour la réalisation": 1,
    }  # fmt: skip
    assert report["rejected"] == {CANCELLED: 1}
    assert (_stored(register, "E1")["wait_hours"], _stored(register, "E1")["age_band"]) == (None, "40-49")
    assert (_stored(register, "E2")["requested_at"], _stored(register, "E3")["age_band"]) == (None, "0-4")
    assert _stored(register, "E5")["wait_hours"] == 0  # the day of a request is no later than the hour of its exam


def test_exams_are_known_by_id_code_or_word_of_the_site(tmp_path, register):
    """The catalogue's ids, CCAM codes and the correspondences of a site name exams; what is unknown is listed, most frequent first."""
    rows = [("N° examen", "Code acte", "Modalité", "Date examen")]
    rows += [(f"E{n}", code, "", "12/01/2026") for n, code in enumerate(("irm-genou", "QEQK001", "SCAN9"))]
    rows += [(f"F{n}", code, "CT", "12/01/2026") for n, code in enumerate(("BIDULE", "BIDULE", "AUTRE"))]
    table = table_of(tmp_path, text_of(rows))
    mapping = replace(guess_mapping(table, vocabulary(), "chu")[0], exams={"Scan9": "scanner-tap"})
    with Rejects(None) as rejects:
        _, report = importer(register).run([(table, mapping)], rejects)
    assert [_stored(register, f"E{n}")["exam"] for n in range(3)] == ["irm-genou", "mammographie", "scanner-tap"]
    assert report["unknown"] == [{"word": "bidule", "lines": 2}, {"word": "autre", "lines": 1}]
    assert "unknown" not in past_imports(register)[0].report


def test_sites_come_from_the_file_and_are_registered(tmp_path, register):
    """Site names become codes, a known site is recognised by its name, and a column that is no site is refused."""
    register.set_site("ch-nord", "Centre hospitalier du Nord", at=NOW)
    rows = [(*HEADER, "Site"), (*_row("E1"), "Centre Hospitalier du nord"), (*_row("E2"), "Clinique de l'Étang"), (*_row("E3"), "")]
    _, report = import_into(register, table_of(tmp_path, text_of(rows)), site="")
    assert [(site.id, site.name) for site in register.sites()] == [
        ("ch-nord", "Centre hospitalier du Nord"),
        ("clinique-de-l-etang", "Clinique de l'Étang"),
    ]
    assert report["rejected"] == {"site absent": 1}
    many = [(*HEADER, "Site"), *((*_row(f"G{n}"), f"Mme {n}") for n in range(120))]
    with pytest.raises(FileRefused, match=r"« Site ».*change presque à chaque ligne"):
        import_into(register, table_of(tmp_path, text_of(many)), site="")
    assert len(register.sites()) == 2


def test_a_mapping_is_saved_per_site_and_holds_no_word_of_it(tmp_path, register):
    """What was chosen for a site comes back for its next export; saving it twice writes once; a value in the place of a header is not kept."""
    mapping = replace(guess_mapping(table_of(tmp_path, text_of()), vocabulary(), "chu")[0], exams={"Scan9": "scanner-tap"})
    assert save_mapping(register, mapping, author="Équipe", pseudonyms=NAMES, at=NOW)
    assert save_mapping(register, mapping, author="Équipe", pseudonyms=NAMES, at=NOW) is None
    found = saved_mapping(register, "chu")
    assert (found.headers, list(found.exams.values())) == (mapping.headers, ["scanner-tap"])
    assert "Scan9" not in str(found)
    assert saved_mapping(register, "autre") is None
    odd = replace(mapping, headers={name: f"{header} 184127645" for name, header in mapping.headers.items()})
    with pytest.raises(FileRefused, match="valeur"):
        save_mapping(register, odd, author="Équipe", pseudonyms=NAMES, at=NOW)


def test_another_key_is_refused(register):
    """With another key each exam would be counted twice."""
    check_key(register, NAMES, NOW)
    check_key(register, NAMES, NOW)
    with pytest.raises(FileRefused, match="PERTIMAGE_SECRET"):
        check_key(register, Pseudonyms("x" * 16), NOW)


def test_duplicates_are_told_apart(tmp_path, register):
    """The same line twice is one exam; the same number with another content is said, and the last line tells."""
    rows = [_row("E1"), _row("E1"), _row("E2"), _row("E2", label="IRM genou")]
    done, report = import_into(register, table_of(tmp_path, text_of((HEADER, *rows))))
    assert (done.added, report["duplicates"]) == (2, {"identical": 1, "different": 1})
    assert _stored(register, "E2")["exam"] == "irm-genou"


def _series(counts):
    weeks = [(NOW.date() - timedelta(days=NOW.weekday()) + timedelta(days=7 * n)).isoformat() for n in range(len(counts))]
    return {("chu", "CT", week): count for week, count in zip(weeks, counts, strict=True) if count}, weeks


def test_breaks_of_a_series_are_found_and_noise_is_not():
    """Weeks without any exam and a lasting change of level are told with their week; ordinary variation is not."""
    steady = [40, 43, 38, 41, 39, 44, 37, 42] * 5
    assert breaks(_series(steady)[0]) == []
    holed, weeks = _series([*steady[:20], 0, 0, *steady[:18]])
    assert [(one["kind"], one["week"], one["weeks"]) for one in breaks(holed)] == [("empty", weeks[20], 2)]
    stepped, weeks = _series([*steady[:20], *(2 * count for count in steady[:20])])
    (found,) = breaks(stepped)
    assert (found["kind"], found["week"], found["after"] > 1.8 * found["before"]) == ("level", weeks[20], True)


def test_changed_coding_is_told():
    """A code that gives way to another is told with the weeks; a rare one is not."""
    _, weeks = _series([1] * 40)
    words = {
        "tdm tap": [90, weeks[0], weeks[19], "scanner-tap"],
        "sc tap": [90, weeks[20], weeks[39], "scanner-tap"],
        "rare": [LEAST_CODED - 1, weeks[30], weeks[31], None],
    }
    assert [(one["change"], one["word"], one["week"]) for one in coding_changes(words, weeks)] == [
        ("appears", "sc tap", weeks[20]),
        ("vanishes", "tdm tap", weeks[19]),
    ]


def test_the_report_is_told_in_french(tmp_path, register):
    """Every part of the report that has something to say says it in a sentence."""
    _, report = import_into(
        register, table_of(tmp_path, text_of((HEADER, _row("E1", asked="20/01/2026"), _row("E1", label="Bidule"), _row(""))))
    )
    told = dict(told_quality(report, vocabulary()))
    assert told["Lignes rejetées"] == ["numéro d'examen absent : 1"]
    assert told["Doublons"] == ["même numéro d'examen, contenu différent (la dernière ligne compte) : 1"]
    assert told["Codes et libellés non reconnus, du plus fréquent au plus rare"] == ["« bidule » : 1"]
