"""The HTML pages, gathered in one router."""

from importlib.util import find_spec

from fastapi import APIRouter

from pertimage.web.pages import home, my_requests, prescribe, reference, review, signin

router = APIRouter()
if find_spec("pertimage.web.pages.evaluation"):  # before the sheets: /referentiel/suivi is not one
    from pertimage.web.pages import evaluation

    router.include_router(evaluation.router)
for pages in (home, signin, prescribe, my_requests, review, reference):
    router.include_router(pages.router)
