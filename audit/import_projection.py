"""What the records of activity imports do to the registers: the mappings saved, the imports made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pertimage.audit.chain import Record, canonical
from pertimage.audit.evaluation_tables import import_mappings, imports
from pertimage.audit.rows import Rows

Data = Mapping[str, Any]
COUNTS = ("lines", "added", "updated", "unchanged", "rejected")


def _mapping(rows: Rows, record: Record, data: Data) -> None:
    row = {"site": data["site"], "document": canonical(data["document"]).replace("\0", ""), "author": data["author"], "at": record.at}
    rows.upsert(import_mappings, [row])


def _import(rows: Rows, record: Record, data: Data) -> None:
    counts = {name: data[name] for name in COUNTS}
    about = {"author": data["author"], "sites": ", ".join(data["sites"]), "report": canonical(data["report"])}
    rows.insert_new(imports, {"seq": record.seq, "at": record.at, **counts, **about})


IMPORTS: Mapping[str, Callable[[Rows, Record, Data], None]] = {"import-mapping": _mapping, "import": _import}
