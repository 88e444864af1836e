"""A report as a PDF: tagged for screen readers (PDF/UA-1), readable for ever without this service (PDF/A-2a)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from pertimage.web.charts import svg
from pertimage.web.document.printable import printable_all
from pertimage.web.pages import french
from pertimage.web.report.model import Block, Bullets, Figure, Paragraph, Report, Section

TEMPLATE = Path(__file__).with_name("rapport.typ")


def pdf(report: Report) -> bytes:
    """Return the PDF of a report; the same report gives the same bytes."""
    import typst  # a service that makes no report does not load it

    made = typst.compile(
        TEMPLATE, root=TEMPLATE.parent, sys_inputs={"data": orjson.dumps(_content(report)).decode()}, pdf_standards=["ua-1", "a-2a"],
        timestamp=int(report.made_at.timestamp()), ignore_system_fonts=True,
    )  # fmt: skip
    if not isinstance(made, bytes):
        raise TypeError("one PDF is expected")
    return made


def _content(report: Report) -> dict[str, Any]:
    return {
        "title": _said(report.title), "subtitle": _said(report.subtitle), "marks": [_said(mark) for mark in report.marks],
        "about": [[_said(name), _said(value)] for name, value in report.about], "made": _said(french.instant(report.made_at)),
        "summary": [_block(block) for block in report.summary], "sections": [_section(section, 1) for section in report.sections],
    }  # fmt: skip


def _section(section: Section, level: int) -> dict[str, Any]:
    blocks = [_block(block) for block in section.blocks]
    return {"title": _said(section.title), "level": level, "blocks": blocks, "parts": [_section(part, level + 1) for part in section.parts]}


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "tone": str(block.tone), "text": _said(block.text)}
    if isinstance(block, Bullets):
        return {"kind": "bullets", "items": [_said(item) for item in block.items]}
    if isinstance(block, Figure):
        drawn = svg(block.spec, block.description, dark=False).decode()
        return {"kind": "figure", "caption": _said(block.caption), "description": _said(block.description), "svg": drawn}
    rows = [[{"text": _said(cell.text), "number": cell.number is not None} for cell in row] for row in block.rows]
    return {
        "kind": "table", "caption": _said(block.caption), "header": [_said(name) for name in block.header], "rows": rows, "note": _said(block.note),
    }  # fmt: skip


def _said(text: str) -> str:
    return str(printable_all(french.typography(text)))
