"""The versions of a sheet, and what changes between two of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pertimage.guidelines.edition import Edition
from pertimage.guidelines.loader import load_base
from pertimage.web.pages.revision import revision
from pertimage.web.pages.sheet_view import shown
from tests.web.former import NAME, NOW, changed, earlier
from tests.web.pages import person, plain, service_at


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Give somebody who reads a service that served another version before."""
    service = service_at(tmp_path_factory.mktemp("versions"))
    kept = [changed(earlier), replace(NOW, form=NOW.form.model_copy(update={"id": "disparue"}))]
    service.register.keep_editions(kept, guidelines="2025.1+ancienne", at=service.now() - timedelta(days=300))
    service.keep_editions()
    yield person(service)
    service.close()


def said(change):
    """Return what a change says, part by part, in plain words."""
    return {
        part.title: [f"{one.label} : {one.before} → {one.after}" for one in part.changes]
        for part in revision(shown(changed(change)), shown(NOW))
    }


def test_nothing_changed_says_nothing():
    """Two equal versions have no difference."""
    assert said(lambda form: None) == {}


def test_a_red_flag_added_comes_first():
    """A red flag that came is the first thing said, in words."""
    parts = said(lambda form: form["drapeaux_rouges"]["urgence"].remove("queue-de-cheval"))
    assert parts == {"Signes d'alerte : urgences": [f"Signe ajouté :  → {NOW.facts['queue-de-cheval'].label}"]}


def test_a_condition_and_a_position_are_said_in_words():
    """A threshold and a position that changed are named in their rule, before and after."""
    parts = said(earlier)
    (title,) = [title for title in parts if title.startswith("Règle")]
    assert "recente" in title
    assert "Condition : durée : moins de 6 semaines → durée : moins de 3 mois" in parts[title]
    assert "IRM du rachis lombaire : Indiqué → Non indiqué" in parts[title]


def test_sources_and_texts_have_their_part():
    """A source redated and a text rewritten are said once, in their own part, after the rules."""
    titles = list(said(earlier))
    assert titles[-2:] == ["Sources", "Textes"]


def test_a_rule_added_taken_away_or_moved_is_said():
    """The order of rules is part of their meaning: a rule that moves is said, as one that comes or goes."""
    parts = said(lambda form: form["regles"].pop(0))
    assert any(label.startswith("Règle ajoutée") for label in parts[next(iter(parts))])
    assert any("Règle retirée" in label or "retirée" in label for labels in said(_with_another_rule).values() for label in labels)
    assert any(label.startswith("Rang") for labels in said(lambda form: form["regles"].reverse()).values() for label in labels)


def _with_another_rule(form):
    form["regles"].insert(0, form["regles"][0] | {"id": "en-trop"})


def test_a_date_or_an_example_is_said():
    """What cannot change an answer is said too."""
    parts = said(lambda form: (form["validite"].update(verifiee_le="2020-01-01"), form["vignettes"].pop()))
    assert list(parts) == ["État et dates", "Exemples"]
    assert parts["État et dates"] == ["Vérifiée contre ses sources : 1er janvier 2020 → " + parts["État et dates"][0].split("→ ")[1]]


def test_versions_are_listed_with_their_dates(reader):
    """The page lists each version served, its date, its base, and what changed in the last."""
    page = reader.client.get(f"/referentiel/{NAME}/versions").text
    assert page.count(f'href="/referentiel/{NAME}/versions/') >= 2
    text = plain(page)
    for word in ("2025.1+ancienne", "en vigueur", "première version", "moins de 6 semaines → durée : moins de 3 mois", "Signe ajouté"):
        assert word in text, word


def test_a_former_version_stays_readable_at_its_address(reader):
    """A former version is shown as it was, and says that it no longer judges."""
    old = changed(earlier)
    text = reader.read(f"/referentiel/{NAME}/versions/{old.digest}")
    assert "Version ancienne" in text
    assert "moins de 6 semaines" in text.casefold()
    assert "2025.1+ancienne" in text
    assert "Version ancienne" not in reader.read(f"/referentiel/{NAME}/versions/{NOW.digest}")


def test_two_versions_can_be_compared_either_way(reader):
    """Any two versions are compared by a plain address."""
    old = changed(earlier)
    text = reader.read(f"/referentiel/{NAME}/versions?avant={NOW.digest}&apres={old.digest}")
    assert "moins de 3 mois → durée : moins de 6 semaines" in text
    assert "disent la même chose" in reader.read(f"/referentiel/{NAME}/versions?avant={NOW.digest}&apres={NOW.digest}")


def test_a_sheet_that_left_the_base_leads_to_its_last_version(reader):
    """A card's link still opens after the sheet it names has gone."""
    answer = reader.client.get("/referentiel/disparue", follow_redirects=False)
    assert answer.status_code == 302
    assert "Version ancienne" in reader.read(answer.headers["location"])
    assert NOW.form.title in reader.read("/referentiel/disparue/versions")


def test_a_version_never_read_again_gives_its_json(reader):
    """A version whose form this program no longer reads is given as it was kept; it is not compared."""
    odd = Odd(NOW.form.model_copy(update={"id": "illisible"}), "rachis", "0" * 12, {}, {}, {})
    reader.service.register.keep_editions([odd, replace(odd, digest="1" * 12)], guidelines="2020", at=reader.service.now())
    answer = reader.client.get(f"/referentiel/illisible/versions/{odd.digest}", follow_redirects=False)
    assert answer.headers["location"] == f"/referentiel/illisible/versions/{odd.digest}.json"
    assert reader.client.get(answer.headers["location"]).json()["fiche"] == {"ancienne": "forme"}
    assert reader.client.get("/referentiel/illisible/versions").status_code == 409


class Odd(Edition):
    """A version in a form that is no longer read."""

    def to_json(self):
        """Return a form of long ago."""
        return super().to_json() | {"form": '{"ancienne":"forme"}'}


@pytest.mark.parametrize(
    "address", ["inconnue/versions", f"{NAME}/versions/inconnue", f"{NAME}/versions?avant=inconnue", f"{NAME}/versions/%00"]
)
def test_an_unknown_version_is_not_found(reader, address):
    """An address that names no version is a 404."""
    assert reader.client.get(f"/referentiel/{address}").status_code == 404


def test_the_application_keeps_what_it_serves(tmp_path):
    """A service that starts keeps the versions of its sheets, once."""
    from starlette.testclient import TestClient

    from pertimage.web.app import create_app
    from pertimage.web.settings import Settings

    settings = Settings(demo=True, database=str(tmp_path / "a.db"))
    for _ in range(2):
        with TestClient(create_app(settings)) as client:
            head = client.app.state.service.journal.head().seq
            assert len(client.app.state.service.register.editions(NAME)) == 1
    assert head == len(load_base().sheets)
