"""Who is behind a pseudonym, as far as this service's own accounts tell; the register knows nobody by name."""

from __future__ import annotations

from pertimage.web.access import DEMO_USERS, User
from pertimage.web.service import Service

RADIOLOGIST = "radiologue"


def pseudonym(service: Service, user: User) -> str:
    """Return the name under which the register knows somebody."""
    return service.pseudonyms.prescriber(user.name)


def radiologists(service: Service) -> list[str]:
    """Return the names of the radiologists who have an account."""
    if service.settings.demo:
        return [DEMO_USERS[RADIOLOGIST].name]
    return sorted({name for role, name in service.settings.accounts.values() if role == RADIOLOGIST})


def colleagues(service: Service, user: User) -> list[str]:
    """Return the other radiologists who have an account."""
    return [name for name in radiologists(service) if name != user.name]


def name_of(service: Service, who: str | None) -> str:
    """Return the name of a radiologist of the register; « un autre radiologue » when no account of this service is theirs."""
    found = next((name for name in radiologists(service) if service.pseudonyms.prescriber(name) == who), "")
    return found or "un autre radiologue"
