"""The HTML pages, gathered in one router."""

from fastapi import APIRouter

from pertimage.web.pages import (
    evaluation,
    follow_up,
    guide,
    home,
    my_requests,
    policy,
    prescribe,
    reference,
    review,
    sandbox,
    signin,
    transversal,
)

router = APIRouter()
# The follow-up and the guide come before the sheets: /referentiel/suivi and /referentiel/guide are not among them.
for pages in (
    evaluation.router, guide.router, transversal.router, home.router, signin.router, prescribe.router, my_requests.router, review.router, follow_up.router, reference.router,
    sandbox.router, policy.router,
):  # fmt: skip
    router.include_router(pages)
