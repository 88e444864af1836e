"""Answers of the API: JSON bytes, and errors as OperationOutcome in French that name the place."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response
from starlette.exceptions import HTTPException

from pertimage.fhir.resources import Issue, operation_outcome
from pertimage.fhir.values import BadRequest

FHIR_JSON = "application/fhir+json"
_OUTCOME = {"content": {FHIR_JSON: {"schema": {"type": "object"}}}}
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Corps illisible", **_OUTCOME}, 401: {"description": "Jeton absent ou inconnu", **_OUTCOME}, 404: {"description": "Inconnu", **_OUTCOME},
    413: {"description": "Corps trop grand", **_OUTCOME}, 422: {"description": "Contenu refusé", **_OUTCOME}, 500: {"description": "Non évalué", **_OUTCOME},
}  # fmt: skip


def json(body: Any, status: int = 200, media_type: str = "application/json", headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(body), status, headers, media_type)


def fhir(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a FHIR answer."""
    return json(body, status, FHIR_JSON, headers)


def refused(status: int, code: str, message: str, place: str = "") -> Response:
    """Return an error as an OperationOutcome."""
    return fhir(operation_outcome([Issue(code, message, place)]), status)


def object_of(body: bytes) -> Any:
    """Return the decoded JSON of a body; raises BadRequest with the place of the fault."""
    if not body.strip():
        raise BadRequest("", "Le corps de la requête est vide : du JSON est attendu.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"ligne {error.lineno}, colonne {error.colno}", "JSON illisible.") from None


_CODES = {401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported"}
_FRENCH = {"Not Found": "Adresse inconnue.", "Method Not Allowed": "Méthode non permise à cette adresse."}


def api_error(error: HTTPException) -> Response:
    """Return an HTTP error of the API as an OperationOutcome, its headers kept."""
    said = _FRENCH.get(str(error.detail), str(error.detail))
    answer = refused(error.status_code, _CODES.get(error.status_code, "processing"), said)
    answer.headers.update(error.headers or {})
    return answer
