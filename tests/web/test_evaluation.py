"""The evaluation page: the unscored share first, honest differences, hidden small counts, charts that anyone can read."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from pertimage.audit.activity import ActivityRow, add_activity
from pertimage.audit.change import compare
from pertimage.audit.comparison import Metric
from pertimage.audit.disclosure import rounded, share
from pertimage.audit.indicators import exam_weeks
from pertimage.cds.model import Outcome
from pertimage.web import charts
from pertimage.web.alignment import pooled
from pertimage.web.app import create_app
from pertimage.web.charts import Point
from pertimage.web.findings import finding, percent
from pertimage.web.measures import measures
from tests.web.demonstration import demonstration
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person, plain, service_at

ADDRESSES = ("/evaluation", "/evaluation/serie.csv", "/evaluation/graphique/volume.svg")
MONDAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Give a client of the demonstration."""
    service = demonstration(tmp_path_factory.mktemp("evaluation"))
    with TestClient(create_app(service=service)) as opened:
        yield opened
    service.close()


@pytest.fixture
def small(tmp_path):
    """Give somebody on an empty demonstration."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


def exams(weeks, each, site="a", modality="CT", start=MONDAY, outcome=None):
    """Return so many exams on each Monday to Friday of some weeks."""
    days = [start + timedelta(weeks=week, days=day) for week in range(weeks) for day in range(5)]
    instants = [datetime(day.year, day.month, day.day, 9, tzinfo=UTC) for day in days]
    return [
        ActivityRow(
            site,
            f"{at.date()}-{number}",
            modality,
            requested_at=at - timedelta(days=number + 2),
            performed_at=at,
            fictitious=True,
            outcome=outcome,
        )
        for at in instants
        for number in range(each)
    ]


def fill(someone, rows, go_live=None, site="a"):
    """Import exams at a site."""
    service = someone.service
    service.register.set_site(site, f"Site {site}", at=service.now(), go_live=go_live, fictitious=True)
    add_activity(service.journal, rows, service.pseudonyms, at=service.now())


def table(client, address):
    """Return the lines of the CSV file, by heading."""
    return list(csv.DictReader(io.StringIO(client.get(address).content.decode("utf-8-sig")), delimiter=";"))


def test_the_unscored_share_is_the_first_number(client):
    """Before any other figure of the page stands the share that the guidance could not score, over all that was judged."""
    found = measures(client.app.state.service).outcomes(None, None)
    published = share(found.counts[Outcome.NO_GUIDANCE], found.judged)
    page = client.get("/evaluation").text
    main = plain(page[page.index("</form>", page.index('aria-label="Choisir"')) :])
    assert re.match(rf"\D*{plain(percent(published))} hors référentiel", main)
    assert "ce n'est pas une approbation" in main


def test_an_interval_that_holds_zero_shows_no_effect():
    """A rise and a fall are named only when their interval leaves zero out."""
    assert finding(Metric.VOLUME, compare([10, 14, 9, 12], [11, 13, 10, 12])).verdict == "pas d'effet démontré"
    assert finding(Metric.VOLUME, compare([10, 11, 10, 11], [30, 31, 30, 31])).verdict == "hausse"
    fall = finding(Metric.IRRADIATING, compare([0.8, 0.81, 0.8, 0.81], [0.6, 0.61, 0.6, 0.61]))
    assert fall.verdict == "baisse"
    assert plain(fall.sentence()).startswith(
        "Part irradiante : baisse. 80,5 % avant, 60,5 % après, différence −20,0 points (intervalle à 95 % : de −21"
    )


def test_the_page_never_claims_a_proof(client):
    """Differences are called so, with the reminder of what they leave in."""
    text = plain(client.get("/evaluation?site=ch-valbrune").text)
    assert "pas d'effet démontré" in text
    assert "Une différence n'est pas encore un effet" in text
    assert "prouv" not in text


def test_two_weeks_are_refused(small):
    """With fewer than three weeks on a side no difference is given, and the page says why."""
    fill(small, exams(weeks=8, each=3), go_live=MONDAY + timedelta(weeks=6))
    assert "comparaison impossible. Il faut au moins 3 semaines complètes de chaque côté : 2 après" in small.read("/evaluation?site=a")
    assert not re.search("finding-(down|up|none)", small.client.get("/evaluation?site=a").text)


def test_an_empty_database_says_what_to_do(small):
    """Without exams the page explains what it waits for, and there is no chart."""
    assert "Pas encore d'activité à mesurer" in small.read("/evaluation")
    assert small.client.get("/evaluation/graphique/volume.svg").status_code == 404


def test_fictitious_exams_never_reach_a_real_service(tmp_path):
    """The same database, served outside the demonstration, has nothing to evaluate."""
    service = demonstration(tmp_path, demo=False, secret="s" * 40, tokens=f"equipe-projet:Équipe:{'e' * 24}")
    someone = person(service)
    someone.enter("e" * 24)
    assert "Pas encore d'activité à mesurer" in someone.read("/evaluation")
    service.close()


def test_the_page_is_for_the_project_team(tmp_path):
    """A visitor is sent to the sign-in page, a prescriber is refused, on the page, its charts and its file."""
    service = closed_service(tmp_path)
    someone = person(service)
    assert [someone.client.get(address, follow_redirects=False).status_code for address in ADDRESSES] == [303] * 3
    someone.enter(PRESCRIBER_TOKEN)
    assert [someone.client.get(address).status_code for address in ADDRESSES] == [403] * 3
    service.close()


def test_the_file_holds_the_series_of_the_indicators(client):
    """Each line is a week, a site and a technique, with the figures that the database counts, as they may be published."""
    weeks = exam_weeks(client.app.state.service.store, fictitious=True)
    week = next(one for one in weeks if one.site == "ch-valbrune" and one.modality == "CT" and one.week == date(2026, 6, 1))
    lines = table(client, "/evaluation/serie.csv")
    (line,) = [one for one in lines if (one["site"], one["technique"], one["lundi"]) == ("ch-valbrune", "CT", "2026-06-01")]
    assert line["semaine"] == "2026-S23"
    assert line["examens"] == str(rounded(week.exams))
    assert float(line["delai_median_jours"].replace(",", ".")) == pytest.approx(week.wait_median, abs=0.01)
    assert line["fictif"] == "oui"


def test_the_file_follows_the_choice(client):
    """A site and a technique chosen are the only ones in the file, whose name says them."""
    lines = table(client, "/evaluation/serie.csv?site=imagerie-port-alizon&technique=MR")
    assert {(one["site"], one["technique"]) for one in lines} == {("imagerie-port-alizon", "MR")}
    assert (
        "imagerie-port-alizon-MR.csv"
        in client.get("/evaluation/serie.csv?site=imagerie-port-alizon&technique=MR").headers["content-disposition"]
    )


def test_small_counts_leave_nowhere(client):
    """No figure from 1 to 7 is in the file; the total that the page shows beside it leaves each hidden count at least four values."""
    lines = table(client, "/evaluation/serie.csv")
    counted = ("examens", "irradiants", "delais_connus", "juges", *(outcome.value for outcome in Outcome))
    assert not [one for one in lines if any(one[name].isdecimal() and int(one[name]) % 5 for name in counted)]
    measured, lone, cells = measures(client.app.state.service), 0, {}
    for one in lines:
        cells.setdefault((one["site"], one["lundi"]), []).append(one["examens"])
    for site in {one["site"] for one in lines}:
        for week in filter(None, measured.series(site, None)):
            parts = cells[site, week.week.isoformat()]
            hidden = [part for part in parts if not part.isdecimal()]
            if len(hidden) == 1 and week.exams > 7:
                shown = [int(part) for part in parts if part.isdecimal()]
                least, most = (rounded(week.exams) + way * (2 + 2 * sum(map(bool, shown))) - sum(shown) for way in (-1, 1))
                lone += 1
                assert min(most, 7) - max(least, 1) + 1 >= 4
    assert lone


def test_a_technique_with_few_exams_is_not_drawn(small):
    """When most weeks are small counts, the page says so instead of drawing what is left."""
    fill(small, [*exams(weeks=9, each=4), *exams(weeks=9, each=1, modality="NM")], go_live=MONDAY + timedelta(weeks=5))
    assert "trop petits pour être montrés" in small.read("/evaluation?technique=NM")


def test_hidden_weeks_leave_a_gap_in_the_drawing(small):
    """The drawing of a series holds no value for a week whose count is hidden."""
    rows = [
        *exams(weeks=6, each=4),
        *exams(weeks=1, each=1, start=MONDAY + timedelta(weeks=6)),
        *exams(weeks=1, each=4, start=MONDAY + timedelta(weeks=7)),
    ]
    fill(small, rows)
    from pertimage.web.pages.evaluation_drawings import volume_points

    assert [point.value for point in volume_points(measures(small.service), "a", "CT")] == [20.0] * 6 + [None, 20.0]


def test_charts_are_described_and_fetch_nothing(client):
    """A chart has the role and name of an image, its colours for the dark, and no address but its namespaces."""
    answer = client.get("/evaluation/graphique/delai.svg?technique=MR&site=ch-valbrune")
    drawn = answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert re.search(r'<svg role="img" aria-label="IRM, Centre hospitalier de Valbrune, délai médian en jours', drawn)
    assert "prefers-color-scheme:dark" in drawn
    assert "Données fictives" in drawn
    assert "mise en service" in drawn
    assert set(re.findall(r'https?://[^"]+', drawn)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_a_description_cannot_break_out_of_its_attribute():
    """A site's name with quotes and angle brackets stays text."""
    drawn = charts.svg(charts.trend([Point(MONDAY, 1.0)], []), '"><script>alert(1)</script>').decode()
    assert "<script" not in drawn
    assert "&quot;&gt;&lt;script&gt;" in drawn


@pytest.mark.parametrize(
    "address", ["/evaluation?site=inconnu", "/evaluation?technique=ZZ", "/evaluation/graphique/inconnu.svg", "/evaluation/serie.csv?site=x"]
)
def test_what_does_not_exist_is_not_found(client, address):
    """An unknown site, technique or chart is a 404."""
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "?site=ch-valbrune", "?site=ch-brumeval", "?technique=MR", "?site=cabinet-rochevigne&technique=MR", "?region=genou"]
)
def test_every_chart_of_the_page_is_drawn_and_has_its_table(client, query):
    """Each image of the page has words in its place, its file exists, and the figures stand beside it."""
    page = client.get(f"/evaluation{query}")
    assert page.status_code == 200
    images = re.findall(r'<img src="([^"]+)" alt="([^"]*)"', page.text)
    assert images
    assert all(words.endswith(".") for _, words in images)
    assert {client.get(source.replace("&amp;", "&")).status_code for source, _ in images} == {200}
    assert page.text.count("<table") >= 4


def test_waits_of_several_techniques_are_never_mixed(client):
    """Fewer radiographs would lengthen a common median: waits are told by technique, MRI when none is chosen."""
    text = plain(client.get("/evaluation").text)
    assert "Délai médian, IRM (jours)" in text
    assert re.search(
        r"Toutes techniques pas d'effet démontré \S+ → \S+ \S+ \([^)]*\) – –", plain(client.get("/evaluation?site=ch-valbrune").text)
    )


def test_the_witness_is_compared_and_named(client):
    """The site never equipped has its own line, around the median go-live, and no advice."""
    text = plain(client.get("/evaluation").text)
    assert "Centre hospitalier de Brumeval (témoin) jamais équipé ; comparé autour du" in text
    assert "il sert de témoin" in plain(client.get("/evaluation?site=ch-brumeval").text)


def test_substitution_shows_the_total_before_its_parts(client):
    """In a region, all techniques together come first, then each: what one loses and another gains is seen at once."""
    text = plain(client.get("/evaluation?region=rachis-lombaire").text)
    section = text[text.index("Substitutions") : text.index("Délais De la demande")]
    places = [section.index(words) for words in ("Toutes techniques", "Radiographie ", "Scanner ", "IRM ")]
    assert places[0] == min(places)


def test_a_page_seen_again_reads_no_exam(client):
    """The measures are kept: a second page, and one after a request was signed, leave the exams alone."""
    service = client.app.state.service
    client.get("/evaluation")
    read = []
    event.listen(service.store.reader, "before_cursor_execute", lambda conn, cursor, statement, *rest: read.append(statement))
    service.register.set_setting("essai", 1, at=service.now())
    assert client.get("/evaluation").status_code == 200
    assert not [statement for statement in read if "FROM activity" in statement]


def test_an_import_is_seen_at_once(small):
    """Exams imported after a page was seen are on the next one."""
    fill(small, exams(weeks=8, each=3), go_live=MONDAY + timedelta(weeks=4))
    assert "8 semaines complètes" in small.read("/evaluation")
    fill(small, exams(weeks=2, each=3, start=MONDAY + timedelta(weeks=8)), go_live=MONDAY + timedelta(weeks=4))
    assert "10 semaines complètes" in small.read("/evaluation")


def test_sites_are_added_by_the_age_of_their_go_live():
    """Two sites that halve at different dates halve together, exactly at rank zero."""
    weeks = [MONDAY + timedelta(weeks=rank) for rank in range(12)]
    go_lives = {"a": weeks[5], "b": weeks[7]}
    counts = {
        (site, week): (after, 0, after) if week >= day else (before, 0, before)
        for site, day, before, after in (("a", weeks[5], 20, 10), ("b", weeks[7], 40, 20))
        for week in weeks
    }
    counts["a", weeks[0]] = (22, 0, 22)  # else every week has the same value and no interval exists
    change = pooled(go_lives, weeks, counts).volume
    assert (change.weeks_before, change.weeks_after) == (5, 5)
    assert change.before == pytest.approx(60.4)
    assert change.after == 30


def test_the_week_of_a_go_live_in_mid_week_is_on_neither_side():
    """A Wednesday go-live leaves its week out."""
    weeks = [MONDAY + timedelta(weeks=rank) for rank in range(9)]
    counts = {("a", week): (number, 0, number) for number, week in enumerate(weeks)}
    change = pooled({"a": weeks[4] + timedelta(days=2)}, weeks, counts).volume
    assert (change.weeks_before, change.weeks_after) == (4, 4)
    assert (change.before, change.after) == (1.5, 6.5)
