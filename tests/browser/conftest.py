"""A demonstration server on a free port, and Chromium to use it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn

from pertimage.web.app import create_app
from pertimage.web.service import Service
from pertimage.web.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-quic".split()
SITE = "cabinet"


@dataclass(frozen=True)
class Server:
    """A running demonstration: its address and its service."""

    url: str
    service: Service


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """Serve an empty demonstration database."""
    folder = tmp_path_factory.mktemp("navigateur")
    service = Service(Settings(demo=True, database=f"sqlite:///{folder}/demo.db", site=SITE, mssante_export=True))
    service.register.set_site(SITE, "Cabinet du Port", at=service.now(), fictitious=True)
    yield from serving(service)


def serving(service: Service) -> Iterator[Server]:
    """Serve a service on a free port, then close it."""
    port = _free_port()
    running = uvicorn.Server(uvicorn.Config(create_app(service=service), port=port, log_level="error", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield Server(f"http://127.0.0.1:{port}", service)
    running.should_exit = True
    thread.join(10)
    service.close()


@pytest.fixture(scope="session")
def chromium():
    """Start Chromium once; skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium n'est pas installé")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, server):
    """Return a function that opens a page of the server; an error of its scripts or of its policy fails the test."""
    contexts, troubles = [], []

    def opened(address: str, **options):
        context = chromium.new_context(**({"locale": "fr-FR", "viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda message: troubles.append(message.text) if message.type == "error" and "Content Security" in message.text else None,
        )
        page.goto(server.url + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []
