"""The HTML pages, gathered in one router."""

from fastapi import APIRouter

from pertimage.web.pages import evaluation, guide, home, my_requests, prescribe, reference, review, signin

router = APIRouter()
# The evaluation and the guide come before the sheets: /referentiel/suivi and /referentiel/guide are not among them.
for pages in (
    evaluation.router,
    guide.router,
    home.router,
    signin.router,
    prescribe.router,
    my_requests.router,
    review.router,
    reference.router,
):
    router.include_router(pages)
