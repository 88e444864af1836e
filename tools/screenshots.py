"""Take the pictures of docs/images from a demonstration on a database of its own. Run by `make screenshots`."""

from __future__ import annotations

import argparse
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from pertimage.web.app import create_app
from pertimage.web.demo.calls import Case, cases
from pertimage.web.demo.population import populate
from pertimage.web.service import Service
from pertimage.web.settings import Settings

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-quic".split()
REQUEST = (
    "lombalgie depuis 4 mois malgré kiné, pas de déficit, pas de trouble sphinctérien, apyrétique, jamais d'imagerie. Radio rachis lombaire"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A page to picture: its address, and what to do there first; ``part`` is a selector, to picture it alone."""

    name: str
    address: str
    prepare: Callable[[Page], None] = lambda page: None
    height: int = 900
    part: str = ""


def _prescribe(page: Page) -> None:
    page.get_by_label("Décrivez la demande").press_sequentially(REQUEST, delay=1)
    page.locator("#age").fill("47")
    page.get_by_label("Femme", exact=True).check()
    page.locator(".verdict-autre").wait_for()
    page.wait_for_timeout(900)
    page.locator("h1").click()


def _review(page: Page) -> None:
    page.locator(".work:not(.work-emergency):has(.outcome-autre) [data-row]").first.click()
    page.wait_for_load_state()
    page.locator("[data-key=s] summary").click()
    page.locator("h1").click()
    page.evaluate("scrollTo(0, 0)")


def _typed(case: Case) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        page.locator("#age").fill(str(case.form["age"]))
        page.get_by_label("Femme" if case.form["sexe"] == "female" else "Homme", exact=True).check()
        page.get_by_label("Décrivez la demande").press_sequentially(case.words, delay=1)
        page.locator("[class*=verdict-]").first.wait_for()
        page.wait_for_timeout(900)
        page.locator("h1").click()

    return prepare


def _alerts() -> Iterator[Picture]:
    """Yield the card and the page of each kind of alert."""
    for case in cases():
        yield Picture(f"alertes/{case.kind}-carte", f"/bac-a-sable?cas={case.kind}", part=".cds-card")
        yield Picture(f"alertes/{case.kind}-page", "/prescrire", _typed(case))


PICTURES = (
    Picture("prescrire", "/prescrire", _prescribe),
    Picture("relecture", "/relecture", _review, height=1080),
    Picture("mes-demandes", "/mes-demandes"),
    Picture("referentiel", "/referentiel/lombalgie-commune", height=1240),
    Picture("evaluation", "/evaluation"),
    *_alerts(),
)


@contextmanager
def demonstration() -> Iterator[str]:
    """Serve a fresh demonstration; yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Settings(demo=True, database=f"sqlite:///{folder}/demo.db"))
        populate(service, service.today())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(service=service), port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(10)
        service.close()


def take(browser: Browser, address: str, picture: Picture, folder: Path, scheme: str) -> str | None:
    """Write one picture; return what went wrong, None when nothing did."""
    small = picture.name.startswith("alertes/")
    context = browser.new_context(
        locale="fr-FR", viewport={"width": 1280, "height": picture.height}, device_scale_factor=1 if small else 1.5, color_scheme=scheme
    )  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(10_000)
    try:
        answer = page.goto(address + picture.address)
        if answer is None or not answer.ok:
            return f"{picture.name}: {picture.address} answers {answer.status if answer else 'nothing'}"
        picture.prepare(page)
        pictured = page.locator(picture.part).first if picture.part else page
        if small:
            pictured.screenshot(path=folder / f"{picture.name}.jpg", animations="disabled", type="jpeg", quality=70)
        else:
            pictured.screenshot(path=folder / f"{picture.name}.png", animations="disabled")
        return None
    finally:
        context.close()


def main() -> int:
    """Take every picture; exit code 1 when one could not be taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where to write (docs/images)")
    parser.add_argument("--only", choices=[picture.name for picture in PICTURES], action="append", help="take this one only")
    parser.add_argument("--dark", action="store_true", help="in dark colours")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("Chromium is not installed.", file=sys.stderr)
        return 1
    with demonstration() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        wanted = [picture for picture in PICTURES if not chosen.only or picture.name in chosen.only]
        faults = [
            fault for picture in wanted if (fault := take(browser, address, picture, chosen.folder, "dark" if chosen.dark else "light"))
        ]
        browser.close()
    print(*faults, sep="\n", file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
