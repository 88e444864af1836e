"""What the tests of pages share: an application on an empty database, and a person with a browser without JavaScript."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from starlette.testclient import TestClient

from pertimage.web.app import create_app
from pertimage.web.service import Service
from pertimage.web.settings import Settings

PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, OTHER_TOKEN = "p" * 24, "r" * 24, "q" * 24


def plain(text: str) -> str:
    """Return the text of a page: no tags, ordinary spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def service_at(folder, **settings) -> Service:
    """Return a service on a new database of that folder."""
    return Service(Settings(**({"demo": True, "database": f"sqlite:///{folder}/pages.db"} | settings)))


def closed_service(folder) -> Service:
    """Return a service outside demo mode, with three accounts."""
    tokens = f"prescripteur:Dr A:{PRESCRIBER_TOKEN},radiologue:Dr R:{RADIOLOGIST_TOKEN},prescripteur:Dr B:{OTHER_TOKEN}"
    return service_at(folder, demo=False, secret="s" * 40, tokens=tokens)


@dataclass
class Person:
    """Somebody with a browser: reads pages, posts their forms with the token that they carry."""

    client: TestClient
    service: Service

    def read(self, address: str) -> str:
        """Return the text of a page."""
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        return plain(answer.text)

    def token(self) -> str:
        """Return the token of the forms."""
        return re.search(r'name="_jeton" value="([^"]+)"', self.client.get("/connexion").text).group(1)

    def post(self, address: str, follow: bool = False, **fields: object):
        """Post a form."""
        return self.client.post(address, data={"_jeton": self.token(), **fields}, follow_redirects=follow)

    def advice(self, text: str = "", exam: str = "", **fields: object) -> str:
        """Return the HTML of the live advice."""
        answer = self.post("/prescrire/avis", texte=text, examen=exam, **fields)
        assert answer.status_code == 200, answer.text
        return answer.text

    def sign(self, text: str, exam: str = "", **fields: object) -> str:
        """Sign a request and return its id in the register."""
        answer = self.post("/prescrire/signer", texte=text, examen=exam, **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].rsplit("/", 1)[1]

    def enter(self, token: str) -> None:
        """Sign in."""
        assert self.post("/connexion", jeton_acces=token).status_code == 303


def person(service: Service) -> Person:
    """Return somebody at the door of the service; the service runs on https outside demo mode."""
    base = "http://testserver" if service.settings.demo else "https://testserver"
    return Person(TestClient(create_app(service=service), base_url=base), service)
