"""Who is asking: a bearer token for programs, a signed session cookie for people, a fixed visitor in demo mode."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fastapi import HTTPException, Request

from pertimage.web.settings import Settings


@dataclass(frozen=True, slots=True)
class User:
    """The person or program behind a call. ``name`` is an account's name, never a patient's."""

    name: str
    role: str


DEMO_USERS = {
    "prescripteur": User("Dr Démo", "prescripteur"),
    "radiologue": User("Dr Radio", "radiologue"),
    "equipe-projet": User("Équipe projet", "equipe-projet"),
    "exploitant": User("Exploitant", "exploitant"),
}


def account_of(settings: Settings, token: str) -> User | None:
    """Return the account of a token, compared in constant time."""
    for known, (role, name) in settings.accounts.items():
        if hmac.compare_digest(known.encode(), token.encode()):
            return User(name, role)
    return None


async def api_user(request: Request) -> User:
    """Return the caller of an API; 401 without a valid bearer token (demo mode lets anyone in)."""
    settings: Settings = request.app.state.service.settings
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user = account_of(settings, token.strip()) if scheme.lower() == "bearer" else None
    if user is not None:
        return user
    if settings.demo:
        return DEMO_USERS["prescripteur"]
    raise HTTPException(401, "Jeton d'accès absent ou inconnu.", headers={"WWW-Authenticate": "Bearer"})


def page_user(request: Request, role: str) -> User:
    """Return the person using a page of that role; 303 to the sign-in page, 403 for another role's page."""
    settings: Settings = request.app.state.service.settings
    if settings.demo:
        return DEMO_USERS[role]
    session = request.session.get("user")
    if not session:
        raise HTTPException(303, "Connexion nécessaire.", headers={"Location": f"/connexion?vers={request.url.path}"})
    user = User(session["name"], session["role"])
    if user.role not in (role, "exploitant"):
        raise HTTPException(403, "Cette page est réservée à un autre rôle.")
    return user


def professional(request: Request) -> User:
    """Return the professional using a page open to every trade; 303 to the sign-in page, 403 for the project team, which judges nothing."""
    settings: Settings = request.app.state.service.settings
    if settings.demo:
        return DEMO_USERS["prescripteur"]
    session = request.session.get("user")
    if not session:
        raise HTTPException(303, "Connexion nécessaire.", headers={"Location": f"/connexion?vers={request.url.path}"})
    if session["role"] == "equipe-projet":
        raise HTTPException(403, "Cette page est réservée aux professionnels ; les résultats sont sur /evaluation/satisfaction.")
    return User(session["name"], session["role"])
