"""The HTML pages, gathered in one router."""

from fastapi import APIRouter

from pertimage.web.pages import (
    announcements,
    between_sites,
    calendar,
    document,
    effect,
    evaluation,
    evaluation_restitution,
    extract,
    follow_up,
    group_session,
    guide,
    home,
    imports,
    indicators,
    learning,
    live,
    my_requests,
    notifications,
    patient,
    policy,
    power,
    practice,
    prescribe,
    reference,
    review,
    sandbox,
    satisfaction,
    satisfaction_results,
    signin,
    territory,
    transversal,
    worklist,
)

router = APIRouter()
# What has a word of its own in an address comes before what is looked for by its id: /relecture/flux is no request,
# /relecture/restitutions neither, /referentiel/suivi and /referentiel/guide are no sheets.
for pages in (
    satisfaction.router, satisfaction_results.router,
    extract.router,
    calendar.router, imports.router, effect.router, power.router, between_sites.router, indicators.router,
    evaluation.router, evaluation_restitution.router,
    guide.router, transversal.router, home.router, signin.router, prescribe.router, my_requests.router, notifications.router, document.router,
    patient.router, live.router,
    worklist.router, announcements.router, review.router, follow_up.router, reference.router, sandbox.router, policy.router,
    practice.router, group_session.router, learning.router, territory.router,
):  # fmt: skip
    router.include_router(pages)
