import gzip
import io
import zipfile
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.imports import source as sources
from pertimage.audit.imports.columns import Field, guessed, kind_words, vocabulary
from pertimage.audit.imports.mapping import guess_mapping, read_mapping
from pertimage.audit.imports.refusal import FileRefused
from tests.audit.imports.files import HEADER, ROWS, ods_of, table_of, tables_of, text_of, workbook_of

USUAL = (Field.NUMBER, Field.PATIENT, Field.MODALITY, Field.LABEL, Field.REQUESTED, Field.PERFORMED, Field.REPORTED)


def _cells(table):
    return [tuple(line.cells) for line in table.lines()]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_any_delimiter_and_encoding(tmp_path, delimiter, encoding):
    """The same export gives the same table however its software writes text."""
    table = table_of(tmp_path, text_of(delimiter=delimiter).encode(encoding))
    assert table.columns == HEADER
    assert _cells(table) == list(ROWS)
    assert tuple(guess_mapping(table, vocabulary())[0].headers) == USUAL


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), min_size=3, max_size=3), st.sampled_from(";,\t|"))
def test_cells_come_back_as_they_were_written(tmp_path_factory, cells, delimiter):
    """Quotes, newlines and delimiters inside a cell are part of it."""
    folder = tmp_path_factory.getbasetemp()
    quoted = ['"' + f'{cell}{delimiter}\n"x'.replace('"', '""') + '"' for cell in cells]
    rows = [("N° examen", "Date examen", "Code CCAM", "Libellé"), *(("E1", "01/02/2026", "ZBQK002", cell) for cell in quoted)]
    found = _cells(table_of(folder, text_of(rows, delimiter)))
    assert [row[3] for row in found] == [f'{cell}{delimiter}\n"x' for cell in cells]


def test_lines_before_the_header_are_skipped_and_lines_keep_their_numbers(tmp_path):
    """A title, empty lines, a record on two lines: what is said of a line names its place in the file."""
    text = "Export du 01/02/2026\n\n" + text_of((HEADER, ("E0", "1", '"A\nB"', *ROWS[0][3:]), *ROWS))
    table = table_of(tmp_path, text)
    assert table.header == 3
    assert [line.number for line in table.lines()] == [4, 6, 7, 8]


def test_an_export_of_mixed_encodings_is_read(tmp_path):
    """Windows bytes far inside a UTF-8 file are read as Windows wrote them."""
    table = table_of(tmp_path, text_of().encode() + "E9;1;PÉ;IRM;IRM épaule;01/02/2026;01/02/2026;\r\n".encode("cp1252"))
    assert _cells(table)[-1][4] == "IRM épaule"


def test_a_packed_export_is_read(tmp_path):
    """Gz is unpacked on the way."""
    assert len(_cells(table_of(tmp_path, gzip.compress(text_of().encode()), "export.csv.gz"))) == 3


def test_a_workbook_with_merged_headers_below_a_title(tmp_path):
    """A header on two rows, the first merged over several columns, under a title: both rows name the columns."""
    rows = [
        ["Export"], [], ["Examen", "", "", "Demande", "RDV", "", "Réalisation"], ["Numéro", "Modalité", "Libellé", "Date", "Date", "Heure", "Date"],
        ["E1", "IRM", "IRM lombaire", datetime(2026, 1, 2, 10), datetime(2026, 1, 3), "08:30", datetime(2026, 1, 12, 8, 45)],  # noqa: DTZ001 - as a spreadsheet
    ]  # fmt: skip
    table = table_of(tmp_path, workbook_of({"Feuil1": rows}, {"A3:C3": "Examen", "E3:F3": "RDV"}), "e.xlsx")
    assert table.columns[3:] == ("Demande Date", "RDV Date", "RDV Heure", "Réalisation Date")
    (line,) = table.lines()
    assert (line.number, line.cells[6]) == (5, "2026-01-12T08:45:00")
    fields = {Field.NUMBER, Field.REQUESTED, Field.SCHEDULED, Field.SCHEDULED_TIME, Field.PERFORMED}
    assert fields <= set(guess_mapping(table, vocabulary())[0].headers)


def test_a_workbook_that_starts_lower_keeps_the_numbers_of_its_lines(tmp_path):
    """Empty rows and columns before the table do not shift what is said of its lines."""
    table = table_of(tmp_path, workbook_of({"F": [[], [], [], ["", *HEADER], ["", *ROWS[0]]]}), "e.xlsx")
    assert (table.header, [line.number for line in table.lines()]) == (4, [5])


def test_sheets_with_the_same_header_are_read_together(tmp_path):
    """One sheet a month is one export; a sheet of notes is not read; a sheet can be chosen."""
    content = workbook_of({"Notes": [["Bonjour"]], "Janvier": [HEADER, *ROWS], "Février": [HEADER, ROWS[0]]})
    assert [len(_cells(table)) for table in tables_of(tmp_path, content, "e.xlsx")] == [3, 1]
    assert [len(_cells(table)) for table in tables_of(tmp_path, content, "e.xlsx", "Février")] == [1]
    with pytest.raises(FileRefused, match=r"pas de feuille « Mars ».*Janvier"):
        tables_of(tmp_path, content, "e.xlsx", "Mars")


def test_an_opendocument_sheet_is_read(tmp_path):
    """ODS is a workbook like another."""
    assert _cells(table_of(tmp_path, ods_of((HEADER, *ROWS)), "e.ods")) == list(ROWS)


def _zip_bomb():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (260 << 20))
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "fichier vide"),
        (b"  \n ", "fichier vide"),
        (text_of((HEADER,)), "aucune ligne de données"),
        ("a;b\n1;2\n", "aucune ligne d'en-tête reconnue"),
        ("bonjour\nmonde\n", "aucun séparateur"),
        (";".join(["N° examen", "Date examen", *(f"c{n}" for n in range(298))]) + "\n1;2\n", "300 colonnes"),
        (b"%PDF-1.7 ...", "PDF"),
        (bytes(range(256)) * 9, "binaire"),
        (b"PK\x03\x04 pas un zip", "archive abîmée"),
        (gzip.compress(text_of().encode())[:-40] , "incomplète"),
        (text_of((HEADER,)) + "x" * (2 << 20), "sans fin de ligne"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_the_place(tmp_path, content, words):
    """A hostile or mistaken file is refused in French, by its name."""
    with pytest.raises(FileRefused, match=words) as refusal:
        _cells(table_of(tmp_path, content))
    assert "export.csv" in str(refusal.value)


def test_bombs_are_not_unpacked(tmp_path, monkeypatch):
    """A workbook or an archive that swells beyond measure is refused before it fills the memory."""
    with pytest.raises(FileRefused, match="une fois ouvert"):
        table_of(tmp_path, _zip_bomb(), "e.xlsx")
    monkeypatch.setattr(sources, "_RATIO_FROM", 1 << 20)
    with pytest.raises(FileRefused, match="gonfle"):
        _cells(table_of(tmp_path, gzip.compress((text_of() + text_of(ROWS) * 100_000).encode()), "e.csv.gz"))


def test_a_line_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    """A cell of a megabyte, a quote never closed: the line is a fault, with its number, and reading goes on."""
    text = text_of((HEADER, ROWS[0])) + "E8;" + "x" * 40_000 + "\r\n" + text_of([ROWS[1]])
    faulty = [line for line in table_of(tmp_path, text).lines() if line.fault]
    assert [line.number for line in faulty] == [3]
    assert [line.cells[0] for line in table_of(tmp_path, text).lines() if not line.fault] == ["E1", "E2"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("N° examen", Field.NUMBER), ("Accession Number", Field.NUMBER), ("NUM_EXAMEN", Field.NUMBER), ("accession", Field.NUMBER), ("exam_id", Field.NUMBER),
        ("IPP", Field.PATIENT), ("patient_id", Field.PATIENT), ("Etablissement", Field.SITE), ("Modalité", Field.MODALITY), ("modality", Field.MODALITY),
        ("Libellé de l'examen", Field.LABEL), ("Code CCAM", Field.CODE), ("exam", Field.LABEL), ("Date de la demande", Field.REQUESTED),
        ("DateDemande", Field.REQUESTED), ("requested_at", Field.REQUESTED), ("Dt prescription", Field.REQUESTED), ("Dt RDV", Field.SCHEDULED),
        ("scheduled_at", Field.SCHEDULED), ("Date rendez-vous", Field.SCHEDULED), ("Heure RDV", Field.SCHEDULED_TIME), ("Date exam", Field.PERFORMED),
        ("performed_at", Field.PERFORMED), ("Date réalisation", Field.PERFORMED), ("Date CR", Field.REPORTED), ("reported_at", Field.REPORTED),
        ("Date validation", Field.REPORTED), ("given_at", Field.GIVEN), ("Remis le", Field.GIVEN), ("Âge", Field.AGE), ("DDN", Field.BIRTH), ("Statut", Field.STATUS),
    ],
)  # fmt: skip
def test_headers_of_french_systems_are_known(header, field):
    """The words of the exports met are read as what they mean, the best field first."""
    beside = ["Date RDV"] if "Heure" in header else []
    assert field in [guess.field for guess in guessed([header, *beside], (), vocabulary()) if guess.column == 0]


@pytest.mark.parametrize(
    "header",
    ["Nom", "Nom patient", "Prénom", "Médecin prescripteur", "Date prise de RDV", "Adresse", "Date annulation", "Salle", "Commentaire"],
)
def test_identities_and_other_dates_are_not_read(header):
    """A name, an address, the day an appointment was booked are no field."""
    assert guessed([header], (), vocabulary()) == ()


def test_cells_decide_between_headers(tmp_path):
    """A column named like a date whose cells are words is not trusted, and a CCAM column is known by its cells."""
    rows = [("N° examen", "Date examen", "Date", "X"), *((f"E{n}", "à faire", f"0{n}/02/2026", "ZBQK002") for n in range(1, 6))]
    headers = guess_mapping(table_of(tmp_path, text_of(rows)), vocabulary())[0].headers
    assert (headers[Field.PERFORMED], headers[Field.CODE]) == ("Date", "X")


def test_what_is_shown_of_a_column_names_nobody():
    """The look of cells is told by kind, without a value."""
    assert kind_words(["DURAND", "MARTIN"], vocabulary()) == "mots, tous différents"
    assert kind_words(["77001", "77001"], vocabulary()) == "numéros, répétés"
    assert kind_words(["01/02/2026", "02/02/2026"], vocabulary()) == "dates"
    assert kind_words(["", "-"], vocabulary()) == "vide"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colonnes: [", "ligne"), ("a: 1", "colonnes"), ("colonnes: {numer: N}", "« numer » est inconnu"), ("colonnes: {numero: N}\nzone: x", "« zone » est inconnu"),
        ("colonnes: {numero: N, patient: N}", "deux champs"), ("colonnes: {numero: N}\ndates: us", "jour-mois"), ("colonnes: {numero: N}\nfuseau: Paris", "fuseau"),
    ],
)  # fmt: skip
def test_a_faulty_mapping_file_is_refused(text, words):
    """Each fault of a mapping names what is wrong and what is expected."""
    with pytest.raises(FileRefused, match=words):
        read_mapping(text, "m.yaml")


def test_a_mapping_written_and_read_is_the_same(tmp_path):
    """What is saved says all that was chosen."""
    import yaml

    mapping = read_mapping(
        "site: chu\nfuseau: Indian/Reunion\ndates: mois-jour\ncolonnes: {numero: N, realisation: D, code: C}\nexamens: {SCAN1: scanner-tap}",
        "m",
    )
    assert read_mapping(yaml.safe_dump(mapping.document()), "m") == mapping
