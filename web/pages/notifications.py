"""« Être prévenu » : whether a prescriber wants a mail when an answer waits for them, and when."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.notifications import How, Mail, Notifications, State
from pertimage.web.access import page_user
from pertimage.web.notify import SETTINGS_PAGE, SUBJECT
from pertimage.web.pages import csrf, french
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.settings import Settings

router = APIRouter(prefix=SETTINGS_PAGE, include_in_schema=False)

ROLE = "prescripteur"


@router.get("", response_class=HTMLResponse)
def choice(request: Request) -> HTMLResponse:
    """Show what was chosen, what such a mail says, and what became of the last."""
    return _shown(request)


@router.post("")
def choose(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Record the choice."""
    user, service = page_user(request, ROLE), service_of(request)
    how = csrf.text(form, "quand")
    if how not in set(How):
        return _shown(request, status=422, fault="Choisissez quand être prévenu.")
    Notifications(service.journal).choose(service.pseudonyms.prescriber(user.name), how, at=service.now())
    flash(request, "Vous ne recevrez plus de courriel." if how == How.NEVER else "Votre choix est enregistré.")
    return RedirectResponse(SETTINGS_PAGE, 303)


def _shown(request: Request, *, status: int = 200, fault: str = "") -> HTMLResponse:
    user, service = page_user(request, ROLE), service_of(request)
    me, notifications = service.pseudonyms.prescriber(user.name), Notifications(service.journal)
    last = notifications.mails(me, limit=1)
    return page(
        request, "mine/notifications.html", status=status, section="mes-demandes", fault=fault, choices=list(How), how=notifications.choice(me).how,
        address=dict(service.settings.addresses).get(user.name, ""), last=_last_words(last[0]) if last else "", subject=SUBJECT,
        when=_when_words(service.settings),
    )  # fmt: skip


def _last_words(mail: Mail) -> str:
    said = french.instant(mail.at)
    return {
        State.SENT: f"Dernier courriel parti le {said}.",
        State.LEAVING: f"Un courriel part depuis le {said}.",
        State.FAILED: f"Le courriel du {said} a été refusé par le serveur de messagerie. Il sera refait ; prévenez l'exploitant si cela dure.",
        State.UNSURE: f"Le courriel du {said} n'est peut-être pas parti : regardez « Mes demandes ».",
    }[mail.state]


def _when_words(settings: Settings) -> list[str]:
    """Return when mails leave, as the settings say it."""
    rules, words = settings.notify_rules, []
    if rules.quiet:
        words.append(f"Aucun courriel {_hours(rules.quiet)}{'' if rules.weekend else ', ni le samedi et le dimanche'}.")
    elif not rules.weekend:
        words.append("Aucun courriel le samedi et le dimanche.")
    if rules.urgent:
        words.append("Exception : une question du radiologue sur une demande urgente part aussitôt, quel que soit votre choix.")
    words.append(f"Résumé du jour : à {rules.digest_hour} h, seulement s'il y a du nouveau.")
    words.append("Au plus un courriel en dix minutes, pour toutes vos demandes ensemble.")
    if rules.reminder:
        days = rules.reminder.days
        words.append(f"Une question restée {days} jour{'s' if days > 1 else ''} sans réponse est rappelée une fois.")
    return words


def _hours(quiet: frozenset[int]) -> str:
    """Return « de 20 h à 7 h »: the hours follow one another, round the clock."""
    first = next(hour for hour in sorted(quiet) if (hour - 1) % 24 not in quiet)
    return f"de {first} h à {(first + len(quiet)) % 24} h"
