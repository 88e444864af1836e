"""What the records of extracts do to their register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pertimage.audit.chain import Record
from pertimage.audit.evaluation_tables import extracts
from pertimage.audit.rows import Rows


def enter_extract(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Project an extract."""
    said = {name: data[name].replace("\0", "") for name in ("name", "author", "reason")}
    kept = {name: data[name] for name in ("restricted", "form", "since", "until", "digest", "fictitious")}
    sites, lines = ", ".join(data["sites"]).replace("\0", ""), sum(data["tables"].values())
    rows.insert_new(extracts, {"seq": record.seq, "at": record.at, "sites": sites, "lines": lines, **said, **kept})


EXTRACTS = {"extract": enter_extract}
