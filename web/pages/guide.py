"""The authors' guide as a page: ``docs/fiches.md``, linked into this folder so that it travels with the program."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from pertimage.web.pages.view import page

GUIDE = Path(__file__).parent.parent / "guide.md"
router = APIRouter(prefix="/referentiel", include_in_schema=False)


@router.get("/guide", response_class=HTMLResponse)
def guide(request: Request) -> HTMLResponse:
    """Show how to write a rule."""
    return page(request, "reference/guide.html", section="referentiel", body=rendered(GUIDE))


@lru_cache(maxsize=2)
def rendered(path: Path) -> Markup:
    """Return a document as HTML: its own tags shown as text, an anchor at each heading, tables that the keyboard can scroll."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    for opening, words in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(words.content))
        elif opening.type == "table_open":
            opening.attrSet("class", "table")
    html: str = reader.renderer.render(tokens, reader.options, {})
    html = html.replace("<table", '<div class="table-wrap" tabindex="0" role="group" aria-label="Tableau"><table').replace(
        "</table>", "</table></div>"
    )
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))  # noqa: S704 - a file of ours, its tags escaped


def anchor(title: str) -> str:
    """Return the anchor that forges give to a heading: « Les faits (lexique) » is ``les-faits-lexique``."""
    words = re.sub(r"[^\w\s-]", "", unicodedata.normalize("NFC", title).lower()).strip()
    return re.sub(r"\s", "-", words)
