"""For the operator: is it alive, with which rules."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy import text

from pertimage import __version__
from pertimage.web.service import Service

router = APIRouter(tags=["exploitation"])


@router.get("/sante")
def health(request: Request) -> Response:
    """Say that the database answers and which guidelines judge; 503 when the database does not."""
    service: Service = request.app.state.service
    body = {
        "version": __version__,
        "guidelines": service.base.version,
        "sheets": len(service.base.sheets),
        "review_state": service.base.review_state,
    }
    try:
        with service.store.reader.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:  # whatever the driver raises, the database does not answer
        return Response(orjson.dumps(body | {"status": "base indisponible"}), 503, media_type="application/json")
    return Response(orjson.dumps(body | {"status": "ok", "demo": service.settings.demo}), media_type="application/json")
