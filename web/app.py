"""The FastAPI application: wiring, and what every answer passes through."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware

from pertimage import __version__
from pertimage.web import (
    fhir_api,
    fhir_documents,
    fhir_measures,
    fhir_reports,
    fhir_subscriptions,
    fhir_tasks,
    guidelines_api,
    health,
    hooks,
)
from pertimage.web.direct import Direct
from pertimage.web.guard import Guard
from pertimage.web.masking import mask_addresses
from pertimage.web.pages import router as pages
from pertimage.web.pages.errors import register_errors
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from pertimage.web.subscriptions import Courier

STATIC = Path(__file__).with_name("static")


def create_app(settings: Settings | None = None, service: Service | None = None) -> FastAPI:
    """Return the application; raises UnsafeSettingsError when it may not start with these settings."""
    chosen = (settings or (service.settings if service else Settings(demo=True))).checked()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        owned = service is None
        app.state.service = service or Service(chosen)
        if owned:
            app.state.service.keep_editions()
            gc.collect()
            gc.set_threshold(20_000, 20, 100)  # a look through the judgements kept in memory is a pause: not every second
            gc.freeze()  # the base is here for good: the garbage collector need not look through it again and again
            await app.state.service.start_scribe()
        courier = Courier(app.state.service) if owned and chosen.subscription_allowed else None
        if courier is not None:
            courier.start()
        yield
        if courier is not None:
            await asyncio.to_thread(courier.stop)
        if owned:
            await app.state.service.stop_scribe()
            app.state.service.close()

    mask_addresses()
    app = FastAPI(
        title="pertimage", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        telemetry={"tracing": False, "metrics": False, "logs": False},  # what passes here is nobody else's business
    )  # fmt: skip
    if service is not None:
        app.state.service = service
    for router in (
        hooks.router,
        fhir_api.router,
        fhir_tasks.router,
        fhir_measures.router,
        fhir_subscriptions.router,
        fhir_documents.router,
        fhir_reports.router,
        guidelines_api.router,
        health.router,
        pages,
    ):
        app.include_router(router)
    register_errors(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(
        SessionMiddleware, secret_key=chosen.key, session_cookie="pertimage", same_site="lax", https_only=not chosen.demo, max_age=12 * 3600
    )
    app.add_middleware(Direct)
    origins = [origin.strip() for origin in chosen.cors_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type", "Accept"],
        )
    app.add_middleware(Guard, max_body=chosen.max_body, larger={"/evaluation/import": chosen.max_import})
    return app
