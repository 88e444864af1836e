"""What a CDS Hooks call did not send, asked of the FHIR server that it names, within a budget of time.

Only a server whose base address is in the settings is ever asked: the address that a call gives is compared, not followed. The
token serves for the call and is neither kept nor logged. No failure fails the call: what could not be had stays unknown, and
the advice says so.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx
import orjson

from pertimage.fhir.discovery import PREFETCH
from pertimage.fhir.record import LATEST_ONLY, entries, has_next
from pertimage.fhir.values import items, mapping, text

MAX_PAGES = 5
MAX_PAGE_BYTES = 2 * 1024 * 1024
MAX_BYTES = 8 * 1024 * 1024  # of all the answers to one call together
CONNECTIONS = 8
_FAILED: dict[str, Any] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]}
_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
# The library logs the addresses that it asks, and they name the patient.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@dataclass(slots=True)
class _Access:
    """Where a call may be completed: the base of its server (one of the settings), its token, the patient, the bytes that may come."""

    base: str
    token: str = field(repr=False)
    patient: str = field(repr=False)
    room: int = MAX_BYTES


class _NotObtainedError(Exception):
    """A page that cannot be had or read."""


class Fetcher:
    """Completes the prefetch of calls. ``servers``: base addresses that may be asked; ``budget``: seconds for one call."""

    def __init__(self, servers: frozenset[str], budget: float) -> None:
        self._servers, self._budget = servers, budget
        self._tls = ssl.create_default_context() if servers else None

    async def completed(self, body: Any) -> Any:
        """Return the call with what could be had of its prefetch in time; the call itself when nothing may be asked."""
        access = self._access(body) if self._servers and self._budget > 0 else None
        if access is None:
            return body
        given = mapping(body.get("prefetch"))
        wanted = {key: value for key in PREFETCH if _lacks(key, value := given.get(key))}
        return body | {"prefetch": given | await self._fetched(access, wanted)} if wanted else body

    def _access(self, body: Any) -> _Access | None:
        """Return what a call lets us ask, None when it names no allowed server, no token, no patient or no order."""
        found = mapping(body)
        base, context = text(found.get("fhirServer")).rstrip("/"), mapping(found.get("context"))
        token, patient = text(mapping(found.get("fhirAuthorization")).get("access_token")), text(context.get("patientId"))
        patient = patient.removeprefix("Patient/")
        if base not in self._servers or not _TOKEN.fullmatch(token) or not _FHIR_ID.fullmatch(patient) or not _has_order(context):
            return None
        return _Access(base, token, patient)

    async def _fetched(self, access: _Access, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of keys: completed, or an OperationOutcome; a first page whose next could not be had stays as it is."""
        headers = {"Authorization": f"Bearer {access.token}", "Accept": "application/fhir+json", "Accept-Encoding": "identity"}
        client = httpx.AsyncClient(
            verify=self._tls or True, follow_redirects=False, trust_env=False, timeout=self._budget, headers=headers,
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )  # fmt: skip
        found = {key: value if _is_page(value) else _FAILED for key, value in wanted.items()}
        async with client:
            tasks = {key: asyncio.create_task(_complete(client, access, key, value, found)) for key, value in wanted.items()}
            await asyncio.wait(tasks.values(), timeout=self._budget)
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return found


def _has_order(context: dict[str, Any]) -> bool:
    drafts = context.get("draftOrders")
    listed = entries({"entry": drafts} if isinstance(drafts, list) else mapping(drafts))
    return any(resource.get("resourceType") == "ServiceRequest" for _, resource in listed)


def _is_page(value: Any) -> bool:
    return mapping(value).get("resourceType") == "Bundle"


def _lacks(key: str, value: Any) -> bool:
    """Say whether a key of the prefetch is to be asked for: absent, null, in error, or followed by further pages."""
    return (
        value is None or mapping(value).get("resourceType") == "OperationOutcome" or (key not in LATEST_ONLY and has_next(mapping(value)))
    )


async def _complete(client: httpx.AsyncClient, access: _Access, key: str, value: Any, found: dict[str, Any]) -> None:
    """Put in ``found`` what is had of a key, page after page, as it comes."""
    try:
        if not _is_page(value):
            address = f"{access.base}/{PREFETCH[key].replace('{{context.patientId}}', access.patient)}"
            value = found[key] = await _page(client, access, address, key)
        for _ in range(MAX_PAGES):
            following = _next(value, access.base) if key not in LATEST_ONLY else ""
            if not following:
                return
            page = await _page(client, access, following, key)
            value = found[key] = {**page, "entry": [*items(value.get("entry")), *items(page.get("entry"))]}
    except (_NotObtainedError, httpx.HTTPError, httpx.InvalidURL, OSError):
        return


async def _page(client: httpx.AsyncClient, access: _Access, address: str, key: str) -> dict[str, Any]:
    """Return a resource of the kind that is asked for; raises when the answer is anything else, or too long."""
    content = bytearray()
    async with client.stream("GET", address) as answer:
        if answer.status_code != 200:
            raise _NotObtainedError
        async for piece in answer.aiter_raw():  # as it came: nothing grows by being unpacked
            content += piece
            access.room -= len(piece)
            if len(content) > MAX_PAGE_BYTES or access.room < 0:
                raise _NotObtainedError
    try:
        page = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _NotObtainedError from None
    if mapping(page).get("resourceType") != ("Patient" if key == "patient" else "Bundle"):
        raise _NotObtainedError
    read: dict[str, Any] = page
    return read


def _next(page: dict[str, Any], base: str) -> str:
    """Return the address of the following page, empty when there is none, or when it leads off the server."""
    links = (mapping(link) for link in items(page.get("link")))
    written = next((text(link.get("url")) for link in links if text(link.get("relation")) == "next"), "")
    address = urljoin(f"{base}/", written) if written else ""
    inside = address.startswith((f"{base}/", f"{base}?")) and ".." not in urlsplit(address).path and "%2e" not in address.lower()
    return address if inside and address.isascii() and address.isprintable() else ""
