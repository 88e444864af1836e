"""The policy of the project: what is in force and since when, a text to try on the last requests, and putting it in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.past import latest_requests
from pertimage.audit.policies import AnotherInForce, PolicyRow
from pertimage.audit.store import utc_datetime
from pertimage.cds.policy import policy_of
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.local_rules import PREFIX
from pertimage.guidelines.policy import (
    ALERT_KINDS,
    KIND_WORDS,
    PLACES,
    THRESHOLDS,
    LocalRuleForm,
    PolicyForm,
    SilenceForm,
    VoiceForm,
    form_of,
    read_policy,
)
from pertimage.guidelines.source import Fault
from pertimage.web.access import page_user
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.policy_preview import LATEST, preview
from pertimage.web.service import Service

router = APIRouter(prefix="/politique", include_in_schema=False)

ROLE = "equipe-projet"
LONGEST = 200_000  # characters of a policy typed here
EXAMPLE = """\
# Une politique ne dit que ce qui change. Voir docs/politique.md.
titre: Essai
alertes:
  dose-cumulee: {a_qui: [radiologue]}
repetition_jours: 30
"""
_PLACES = {"order-select": "au choix de l'examen", "order-sign": "à la signature", "page": "sur les pages du service"}
NO_AUTHOR = "Dites qui met cette politique en vigueur, et pourquoi."


@dataclass(frozen=True, slots=True)
class Shown:
    """A policy in words: what each part says, part by part; empty parts left out."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]


@router.get("", response_class=HTMLResponse)
def in_force(request: Request, version: str = "") -> HTMLResponse:
    """Show the policy in force, its history, and a text to try; ``version`` shows a past one in its place."""
    page_user(request, ROLE)
    service = service_of(request)
    chosen = service.register.policy(version) if version else None
    if version and chosen is None:
        raise HTTPException(404, "Cette politique n'existe pas.")
    return _shown(request, chosen.text if chosen else None, past=chosen)


@router.post("", response_class=HTMLResponse)
def tried(request: Request, form: FormData = Depends(checked_form)) -> HTMLResponse:
    """Check a text and, when it is right, say what it would change to the last requests; nothing is kept."""
    page_user(request, ROLE)
    service, text = service_of(request), _text(form)
    policy, faults = read_policy(text, service.base)
    if policy is None:
        return _shown(request, text, faults=faults, status=422)
    found = preview(latest_requests(service.store, LATEST), service.base, service.policy, policy_of(policy))
    return _shown(request, text, tried=policy, preview=found)


@router.post("/vigueur", response_model=None)
def put_in_force(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Put a text in force; refused with its faults, without author or reason, or when another was put in force meanwhile."""
    user = page_user(request, ROLE)
    service, text = service_of(request), _text(form)
    author, reason, after = csrf.text(form, "auteur"), csrf.text(form, "motif", 1000), csrf.text(form, "apres", 20)
    policy, faults = read_policy(text, service.base)
    if policy is None:
        return _shown(request, text, faults=faults, status=422)
    if not author or not reason:
        return _shown(request, text, tried=policy, fault=NO_AUTHOR, author=author, reason=reason, status=422)
    signed = author if author == user.name or service.settings.demo else f"{author} (compte {user.name})"
    try:
        service.register.put_in_force(
            policy, text, author=signed, reason=reason, at=service.now(), after=int(after) if after.isdecimal() else 0
        )
    except AnotherInForce as refused:
        return _shown(request, text, tried=policy, fault=str(refused), author=author, reason=reason, status=409)
    service.local.look()
    flash(request, f"Politique {policy.digest[:8]} en vigueur : chaque avis rendu désormais la nomme.")
    return RedirectResponse("/politique", 303)


def _text(form: FormData) -> str:
    written = form.get("texte")
    return written.replace("\r\n", "\n")[:LONGEST] if isinstance(written, str) else ""


def _shown(request: Request, text: str | None, *, status: int = 200, **context: Any) -> HTMLResponse:
    service = service_of(request)
    service.local.look()
    row = service.local.row
    usual: dict[str, Any] = {
        "faults": (),
        "fault": "",
        "tried": None,
        "preview": None,
        "past": None,
        "author": _author(request),
        "reason": "",
    }
    about = {
        "row": row, "since": utc_datetime(row.at) if row else None, "says": _says(row, service), "now_wrong": _wrong(row, service),
        "text": text if text is not None else row.text if row else EXAMPLE, "history": [(one, utc_datetime(one.at)) for one in service.register.policies()],
        "latest": LATEST,
    }  # fmt: skip
    return page(request, "policy/page.html", status=status, section="politique", **usual | about | context)


def _author(request: Request) -> str:
    return page_user(request, ROLE).name


def _wrong(row: PolicyRow | None, service: Service) -> list[Fault]:
    """Return what the guidelines of today refuse of the policy in force: they may have changed since."""
    return read_policy(row.text, service.base)[1] if row else []


def _says(row: PolicyRow | None, service: Service) -> Shown:
    form, base = form_of(row.document) if row else PolicyForm(), service.base
    exams = base.catalogue.exams
    parts = (
        ("Alertes", tuple(_voice(kind, voice) for kind, voice in form.alerts.items())),
        ("Seuils", tuple(_thresholds(form, base))),
        ("Examens indisponibles", tuple(exams[one].label if one in exams else one for one in form.unavailable)),
        ("Règles en silence", tuple(f"{_rule(one.rule, base)} : {_signed(one)}" for one in form.silenced)),
        ("Règles locales", tuple(f"{_rule(f'{one.sheet}/{one.rule.id}', base)} : {_signed(one)}" for one in form.local_rules)),
        ("Avis répétés", (_repetition(form.quiet_days),)),
    )
    return Shown(tuple((title, lines) for title, lines in parts if lines))


def _rule(name: str, base: GuidelineBase) -> str:
    sheet, _, rule = name.partition("/")
    return f"{base.sheets[sheet].title if sheet in base.sheets else sheet}, règle « {rule} »"


def _signed(one: SilenceForm | LocalRuleForm) -> str:
    return f"{one.reason} ({one.author}, {one.day:%d/%m/%Y})"


def about_sheet(sheet: str, service: Service) -> list[tuple[str, str]]:
    """Return what the policy in force changes of a sheet, for its public page: the anchor and the words of each local rule or silence."""
    row = service.local.row
    form = form_of(row.document) if row else PolicyForm()
    local = [
        (f"{PREFIX}{one.rule.id}", f"règle locale du {one.day:%d/%m/%Y} : {one.rule.why} ({one.reason})")
        for one in form.local_rules
        if one.sheet == sheet
    ]
    silent = [one for one in form.silenced if one.rule.partition("/")[0] == sheet]
    return local + [("", f"règle « {one.rule.partition('/')[2]} » mise en silence le {one.day:%d/%m/%Y} : {one.reason}") for one in silent]


def _repetition(days: int) -> str:
    if not days:
        return "Un avis déjà donné interrompt comme la première fois."
    return f"Un même avis n'interrompt le même prescripteur qu'une fois en {days} jour{'s' if days > 1 else ''} ; ensuite il est redit en information."


def _voice(kind: str, voice: VoiceForm) -> str:
    words = KIND_WORDS.get(ALERT_KINDS.get(kind, ""), kind)
    if not voice.speaks:
        return f"{words} : ne parle pas"
    low, high = voice.severity.min, voice.severity.max
    said = [
        f"pour le {voice.to[0]} seulement" if len(set(voice.to)) == 1 else "",
        " et ".join(_PLACES[place] for place in PLACES if place in voice.at) if set(voice.at) != set(PLACES) else "",
        f"au moins « {low} »" if low else "",
        f"au plus « {high} »" if high else "",
    ]
    return f"{words} : {', '.join(filter(None, said)) or 'comme sans politique'}"


def _thresholds(form: PolicyForm, base: GuidelineBase) -> Iterator[str]:
    counted = {row.id for row in base.tables.doses.thresholds if row.count is not None} if base.tables.doses else set()
    for name, value in form.flat_thresholds().items():
        known, _, row = name.partition(".")
        if known in THRESHOLDS:
            unit = THRESHOLDS[known].unit if known != "dose" else "examens" if row in counted else "mSv"
            yield f"{THRESHOLDS[known].french}{f' (« {row} »)' if row else ''} : {value:g} {unit}".replace(".", ",")
