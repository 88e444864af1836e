"""The HTML pages, gathered in one router."""

from fastapi import APIRouter

from pertimage.web.pages import (
    calendar,
    evaluation,
    follow_up,
    group_session,
    guide,
    home,
    indicators,
    learning,
    live,
    my_requests,
    patient,
    policy,
    practice,
    prescribe,
    reference,
    review,
    sandbox,
    signin,
    territory,
    transversal,
    worklist,
)

router = APIRouter()
# What has a word of its own in an address comes before what is looked for by its id: /relecture/flux is no request,
# /referentiel/suivi and /referentiel/guide are no sheets.
for pages in (
    indicators.router,
    calendar.router, evaluation.router, guide.router, transversal.router, home.router, signin.router, prescribe.router, my_requests.router, patient.router, live.router,
    worklist.router, review.router, follow_up.router, reference.router, sandbox.router, policy.router,
    practice.router, group_session.router, learning.router, territory.router,
):  # fmt: skip
    router.include_router(pages)
