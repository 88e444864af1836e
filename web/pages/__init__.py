"""The HTML pages, gathered in one router."""

from fastapi import APIRouter

from pertimage.web.pages import evaluation, home, my_requests, prescribe, reference, review, signin

router = APIRouter()
# The evaluation comes before the sheets: /referentiel/suivi is not one of them.
for pages in (evaluation.router, home.router, signin.router, prescribe.router, my_requests.router, review.router, reference.router):
    router.include_router(pages)
