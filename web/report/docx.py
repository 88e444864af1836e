"""A report as a text document (DOCX), to be completed by its authors: real headings, tables and captions, drawings with their description."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pertimage.web.charts import png
from pertimage.web.document.printable import without_controls
from pertimage.web.pages import french
from pertimage.web.report.model import Block, Bullets, Figure, Paragraph, Report, Section, Table, Tone

_EPOCH = (2000, 1, 1, 0, 0, 0)
_WIDTH_CM = 16.0


def docx(report: Report) -> bytes:
    """Return the document of a report; the same report gives the same bytes."""
    from docx import Document  # a service that makes no report does not load it

    made = Document()
    _styles(made)
    _properties(made, report)
    _first_page(made, report)
    made.add_heading("En bref", 1)
    for block in report.summary:
        _add(made, block)
    for section in report.sections:
        _section(made, section, 1)
    buffer = BytesIO()
    made.save(buffer)
    return _undated(buffer.getvalue())


def _styles(made: Any) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt, RGBColor

    normal = made.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(10.5)
    language = normal.element.get_or_add_rPr()._add_lang() if hasattr(normal.element.get_or_add_rPr(), "_add_lang") else None
    if language is None:
        language = normal.element.get_or_add_rPr().makeelement(qn("w:lang"), {})
        normal.element.get_or_add_rPr().append(language)
    language.set(qn("w:val"), "fr-FR")
    for level in (1, 2, 3):
        made.styles[f"Heading {level}"].font.color.rgb = RGBColor(0x0D, 0x64, 0x70)
    for section in made.sections:
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2.4)


def _properties(made: Any, report: Report) -> None:
    about = made.core_properties
    about.title, about.subject, about.author, about.language = _said(report.title), _said(report.subtitle), "pertimage", "fr-FR"
    about.created = about.modified = report.made_at.replace(tzinfo=None)
    header = made.sections[0].header.paragraphs[0]
    header.text = " ".join(map(_said, report.marks))
    footer = made.sections[0].footer.paragraphs[0]
    footer.add_run(f"{_said(report.title)} – page ")
    _page_number(footer)


def _page_number(paragraph: Any) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = paragraph.add_run()
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        element.text = text or None
        run._r.append(element)


def _first_page(made: Any, report: Report) -> None:
    made.add_heading(_said(report.title), 0)
    made.add_paragraph(_said(report.subtitle), style="Subtitle")
    table = made.add_table(rows=0, cols=2)
    for name, value in report.about:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = _said(name), _said(value)
    made.add_paragraph(
        f"Fait par pertimage le {french.instant(report.made_at)}. Le service aide : il ne décide ni ne bloque. Dispositif non marqué CE."
    )
    made.add_page_break()


def _section(made: Any, section: Section, level: int) -> None:
    made.add_heading(_said(section.title), min(level, 3))
    for block in section.blocks:
        _add(made, block)
    for part in section.parts:
        _section(made, part, level + 1)


def _add(made: Any, block: Block) -> None:
    if isinstance(block, Paragraph):
        style = {Tone.WARNING: "Intense Quote", Tone.NOTE: "Caption"}.get(block.tone, "Normal")
        made.add_paragraph(_said(block.text), style=style)
    elif isinstance(block, Bullets):
        for item in block.items:
            made.add_paragraph(_said(item), style="List Bullet")
    elif isinstance(block, Figure):
        _figure(made, block)
    else:
        _table(made, block)


def _table(made: Any, block: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement

    made.add_paragraph(_said(block.caption), style="Caption")
    table = made.add_table(rows=1, cols=len(block.header), style="Light List Accent 1")
    for cell, name in zip(table.rows[0].cells, block.header, strict=True):
        cell.text = _said(name)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # repeated on each page, and read as a header
    for row in block.rows:
        for rank, (cell, given) in enumerate(zip(table.add_row().cells, row, strict=True)):
            cell.text = _said(given.text)
            if rank:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    made.add_paragraph(_said(block.note), style="Caption" if block.note else "Normal")


def _figure(made: Any, block: Figure) -> None:
    from docx.shared import Cm

    made.add_picture(BytesIO(png(block.spec)), width=Cm(_WIDTH_CM * 0.85))
    made.inline_shapes[len(made.inline_shapes) - 1]._inline.docPr.set("descr", _said(block.description))
    made.add_paragraph(_said(block.caption), style="Caption")


def _said(text: str) -> str:
    return without_controls(french.typography(text))


def _undated(archive: bytes) -> bytes:
    """Return a ZIP archive with the same files, none of which says when it was packed."""
    out = BytesIO()
    with ZipFile(BytesIO(archive)) as given, ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for name in given.namelist():
            entry = ZipInfo(name, _EPOCH)
            entry.compress_type = ZIP_DEFLATED
            packed.writestr(entry, given.read(name))
    return out.getvalue()
