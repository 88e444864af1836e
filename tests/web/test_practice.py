"""« Mon bilan » : who may see it, agreement given and withdrawn, what is too small to be shown, and the monthly mails."""

import email
import smtplib
import socketserver
import threading
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from pertimage.audit.consents import Consents, Setting
from pertimage.audit.intervals import Place, Share
from pertimage.audit.practice import Replaced
from pertimage.audit.tables import journal
from pertimage.web.cli import app
from pertimage.web.mails import mail_server
from pertimage.web.practice import avoided, compared
from pertimage.web.practice_charts import funnel_plot
from pertimage.web.report_mails import checked_month, make_mails, message
from pertimage.web.settings import Settings, UnsafeSettingsError
from tests.audit.scenes import record
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, service_at

TOO_FEW = "trop peu pour conclure"


@pytest.fixture
def service(tmp_path):
    """Give a service with accounts: two prescribers, Dr A and Dr B, and a radiologist."""
    opened = closed_service(tmp_path)
    yield opened
    opened.close()


def signed(service, name, count, *, outcome="appropriate", at=None):
    """Sign so many requests in a prescriber's name."""
    for _ in range(count):
        record(service.register, at or service.now(), prescriber=service.pseudonyms.prescriber(name), signed=True, outcome=outcome)


def agreed(service, *names, setting=Setting.SURGERY, mail=True):
    """Give the agreement of prescribers."""
    for name in names:
        Consents(service.journal).give(service.pseudonyms.prescriber(name), setting, mail=mail, at=service.now())


def entered(service, token=PRESCRIBER_TOKEN):
    """Return somebody signed in."""
    somebody = person(service)
    somebody.enter(token)
    return somebody


def practice_of(service, name, right, wrong):
    """Sign requests of which so many are appropriate."""
    signed(service, name, right)
    signed(service, name, wrong, outcome="not-indicated")


def peers(service, count, setting=Setting.SURGERY):
    """Make peers of 25 requests each, 15 of them appropriate."""
    names = [f"Dr P{rank}" for rank in range(count)]
    agreed(service, *names, setting=setting)
    for name in names:
        practice_of(service, name, 15, 10)


def test_nothing_is_shown_before_the_agreement(service):
    """A page that says who sees what, no figure; the agreement and the setting are both needed."""
    practice_of(service, "Dr A", 20, 10)
    me = entered(service)
    shown = me.read("/mon-bilan")
    assert "Qui voit quoi" in shown
    assert "%" not in shown.replace("Demander mon bilan", "")
    assert me.client.get("/mon-bilan/graphique/mois-complet.svg").status_code == 404
    assert me.post("/mon-bilan/accord", cadre="cabinet").status_code == 422
    assert me.post("/mon-bilan/accord", cadre="bateau", accord="oui").status_code == 422
    assert Consents(service.journal).of(service.pseudonyms.prescriber("Dr A")) is None


def test_the_agreement_is_journaled_and_withdrawn_at_once(service):
    """Given, changed, withdrawn: three records under a pseudonym, and the page follows."""
    practice_of(service, "Dr A", 20, 10)
    me = entered(service)
    assert me.post("/mon-bilan/accord", cadre="cabinet", accord="oui").status_code == 303
    assert "67 %" in me.read("/mon-bilan")
    me.post("/mon-bilan/accord", cadre="hopital", accord="oui", courriel="oui")
    assert "hôpital ou clinique" in me.read("/mon-bilan")
    assert me.post("/mon-bilan/retrait").status_code == 303
    assert "Qui voit quoi" in me.read("/mon-bilan")
    with service.store.reader.connect() as connection:
        kept = connection.execute(select(journal.c.kind, journal.c.payload).where(journal.c.kind.like("practice-%"))).all()
    assert [row.kind for row in kept] == ["practice-consent", "practice-consent", "practice-withdrawal"]
    assert not any("Dr A" in row.payload for row in kept)
    assert orjson.loads(kept[1].payload)["mail"] is True


def test_a_form_without_its_token_changes_nothing(service):
    """Another site cannot agree, nor withdraw, in somebody's name."""
    me = entered(service)
    assert me.client.post("/mon-bilan/accord", data={"cadre": "cabinet", "accord": "oui"}).status_code == 403
    assert me.client.post("/mon-bilan/retrait").status_code == 403


def test_each_sees_only_their_own(service):
    """Dr B has their own page, whatever the address says; a radiologist has none, a passer-by must sign in."""
    agreed(service, "Dr A", "Dr B")
    practice_of(service, "Dr A", 30, 10)
    practice_of(service, "Dr B", 5, 20)
    mine, other = entered(service).read("/mon-bilan"), entered(service, OTHER_TOKEN)
    assert "75 %" in mine
    pseudonym = service.pseudonyms.prescriber("Dr A")
    theirs = other.read(f"/mon-bilan?prescripteur={pseudonym}&nom=Dr+A")
    assert "20 %" in theirs
    assert "75 %" not in theirs
    assert pseudonym not in theirs
    assert entered(service, RADIOLOGIST_TOKEN).client.get("/mon-bilan").status_code == 403
    assert person(service).client.get("/mon-bilan", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(("count", "shown"), [(0, False), (19, False), (20, True)])
def test_nothing_under_twenty_requests(service, count, shown):
    """Nineteen requests say nothing; twenty do."""
    agreed(service, "Dr A")
    signed(service, "Dr A", count)
    read = entered(service).read("/mon-bilan")
    assert (TOO_FEW.capitalize() in read) is not shown
    assert ("100 %" in read) is shown


def test_a_share_on_few_cases_is_hidden_even_with_many_requests(service):
    """Forty requests of which ten were judged: no share of appropriate exams, and the unscored apart."""
    agreed(service, "Dr A")
    signed(service, "Dr A", 10)
    signed(service, "Dr A", 30, outcome="no-guidance")
    read = entered(service).read("/mon-bilan")
    assert f"10 examens : {TOO_FEW}" in read
    assert "75 %" in read
    assert "30 sur 40 examens" in read
    assert "100 %" not in read


@pytest.mark.parametrize(
    ("count", "setting", "shown"), [(4, Setting.SURGERY, False), (5, Setting.SURGERY, True), (6, Setting.HOSPITAL, False)]
)
def test_no_peers_under_five_of_the_same_setting(service, count, setting, shown):
    """Four peers, or six who practise elsewhere, are not compared with; their drawing does not exist."""
    agreed(service, "Dr A")
    practice_of(service, "Dr A", 15, 10)
    peers(service, count, setting)
    me = entered(service)
    read = me.read("/mon-bilan")
    assert ("Pas de comparaison" in read) is not shown
    assert ("5 pairs, ensemble : 60 %" in read) is shown
    drawn = me.client.get("/mon-bilan/graphique/entonnoir-pertinent.svg")
    assert drawn.status_code == (200 if shown else 404)
    assert drawn.headers["cache-control"] == "no-store"


def test_a_peer_who_withdraws_leaves_the_figures(service):
    """Five peers make a group; four do not."""
    agreed(service, "Dr A")
    practice_of(service, "Dr A", 15, 10)
    peers(service, 5)
    Consents(service.journal).withdraw(service.pseudonyms.prescriber("Dr P3"), at=service.now())
    assert "Pas de comparaison" in entered(service).read("/mon-bilan")


def test_the_drawing_names_nobody(service):
    """No pseudonym of anybody in the funnel, which shows one mark per peer and one for the reader."""
    agreed(service, "Dr A")
    practice_of(service, "Dr A", 15, 10)
    peers(service, 6)
    drawn = entered(service).client.get("/mon-bilan/graphique/entonnoir-pertinent.svg").text
    assert not any(service.pseudonyms.prescriber(f"Dr P{rank}")[:8] in drawn for rank in range(6))
    assert "vous" in drawn


@pytest.mark.parametrize("month", ["2999-01", "1999-12", "2026-13", "octobre"])
def test_only_a_month_of_the_past(service, month):
    """A month to come, or no month, is no page."""
    agreed(service, "Dr A")
    assert entered(service).client.get(f"/mon-bilan?mois={month}").status_code == 404


def test_an_earlier_month_shows_the_twelve_before(service):
    """The link of a mail keeps to its month."""
    agreed(service, "Dr A")
    now = service.now()
    signed(service, "Dr A", 25, at=now - timedelta(days=70))
    signed(service, "Dr A", 7, outcome="not-indicated")
    read = entered(service).read(f"/mon-bilan?mois={now - timedelta(days=40):%Y-%m}")
    assert "25 demandes signées" in read


def test_what_is_compared_needs_five_points():
    """Pooled share, position and points; a peer of nineteen cases is no point."""
    enough = [Share(60, 100)] * 5
    assert compared(Share(30, 100), enough).place is Place.FAR_BELOW
    assert compared(Share(30, 100), [*enough[1:], Share(19, 19)]).peers is None
    assert compared(Share(10, 19), enough).own is None
    assert compared(Share(10, 19), enough).place is None
    spec = funnel_plot(compared(Share(30, 100), enough))
    assert [len(layer["data"]["values"]) for layer in spec["layer"] if layer["mark"].get("type") == "point"] == [5, 1]
    with pytest.raises(ValueError, match="peers"):
        funnel_plot(compared(Share(30, 100), []))


def test_the_dose_is_that_of_what_was_replaced(service):
    """Typical doses of the catalogue; what irradiates more is told apart, what has no known dose is not counted."""
    swaps = [("scanner-rachis-lombaire", "irm-rachis-lombaire")] * 3 + [
        ("irm-rachis-lombaire", "scanner-rachis-lombaire"),
        ("inconnu", "irm-genou"),
    ]
    found = avoided([Replaced(str(rank), *pair, "prescripteur") for rank, pair in enumerate(swaps)], service.base.catalogue)
    dose = service.base.catalogue.exams["scanner-rachis-lombaire"].dose
    assert found.msv == pytest.approx(3 * dose.msv)
    assert found.added == pytest.approx(dose.msv)
    assert found.unknown == 1
    low, high = found.bounds
    assert (low, high) == (pytest.approx(3 * dose.min), pytest.approx(3 * dose.max))


MAILS = "Dr A <a@exemple.fr>, Dr B <b@exemple.fr>"


@pytest.fixture
def mailing(tmp_path):
    """Give a service that knows the addresses of Dr A and Dr B; Dr C, who wishes mails too, has none."""
    opened = service_at(tmp_path, mails=MAILS, mail_from="bilan@exemple.fr", base_url="https://pertimage.exemple.fr/")
    agreed(opened, "Dr A", "Dr C")
    agreed(opened, "Dr B", mail=False)
    yield opened
    opened.close()


def test_mails_are_made_once_for_those_who_wish_them(mailing, tmp_path):
    """One file for Dr A, none for the others; a second run makes nothing; another month makes another."""
    folder = tmp_path / "courriels"
    first = make_mails(mailing, "2026-09", folder)
    assert (first.made, first.before, first.without_address, first.failures) == (1, 0, 1, [])
    again = make_mails(mailing, "2026-09", folder)
    assert (again.made, again.before) == (0, 1)
    assert make_mails(mailing, "2026-10", folder).made == 1
    assert len(list(folder.iterdir())) == 2


def test_a_mail_is_a_link_and_nothing_else(mailing):
    """The link of the month, the way out; no name, no figure, and nothing that a machine answers to."""
    made = message(mailing.settings, "a@exemple.fr", "2026-10", mailing.now())
    read = email.message_from_bytes(bytes(made), policy=email.policy.default)
    text = read.get_content()
    assert read["To"] == "a@exemple.fr"
    assert read["Subject"] == "Votre bilan d'octobre 2026 est prêt"
    assert read["Auto-Submitted"] == "auto-generated"
    assert "https://pertimage.exemple.fr/mon-bilan?mois=2026-10" in text
    assert "https://pertimage.exemple.fr/mon-bilan/accord" in text
    assert "%" not in text
    assert "Dr" not in text


def test_a_mail_that_cannot_be_sent_is_said_and_not_made_twice(mailing, tmp_path):
    """None rather than two: the file stays, the failure is told."""

    def failing(mail):
        raise smtplib.SMTPServerDisconnected("gone")

    done = make_mails(mailing, "2026-10", tmp_path / "c", failing)
    assert done.made == 1
    assert "non envoyé" in done.failures[0]
    sent = []
    assert make_mails(mailing, "2026-10", tmp_path / "c", sent.append).made == 0
    assert sent == []


class _Server(socketserver.StreamRequestHandler):
    """Takes mails in, as plain SMTP."""

    def handle(self):
        self.wfile.write(b"220 ici\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 oui\r\n")
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    self.server.taken.append(part)
            self.wfile.write(b"221 fin\r\n" if word == b"QUIT" else b"250 oui\r\n")


def test_a_mail_goes_through_the_server_named(mailing, tmp_path):
    """What the settings name receives it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Server) as server:
        server.taken = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with mail_server(f"smtp://127.0.0.1:{server.server_address[1]}") as send:
            assert make_mails(mailing, "2026-10", tmp_path / "c", send).failures == []
        server.shutdown()
        assert any(b"mois=2026-10" in part.replace(b"=3D", b"=") for part in server.taken)


@pytest.mark.parametrize("url", ["ftp://hote", "smtp:", "hote:25"])
def test_another_address_of_server_is_refused(url):
    """Only smtp and smtps; the message names the setting."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_SMTP"), mail_server(url):
        pass


@pytest.mark.parametrize("mails", ["a@exemple.fr", "Dr A <pas une adresse>"])
def test_addresses_that_cannot_be_read_are_refused(mails):
    """The service does not start with them; the message names the setting."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_MAILS"):
        Settings(demo=True, mails=mails).checked()


@pytest.mark.parametrize(("month", "said"), [("2026-11", "pas terminé"), ("2026-13", "AAAA-MM"), ("hier", "AAAA-MM")])
def test_only_a_month_that_is_over(month, said):
    """A month under way has no report yet."""
    with pytest.raises(ValueError, match=said):
        checked_month(month, datetime(2026, 11, 23, tzinfo=UTC))


def test_the_command_writes_the_mails(mailing, tmp_path, monkeypatch):
    """``pertimage bilan courriels`` writes files and says what it did; a wrong month is exit code 2."""
    monkeypatch.setenv("PERTIMAGE_MAILS", MAILS)
    database = mailing.settings.database_url
    about = ["bilan", "courriels", "--demo", "--database", database, "--vers", str(tmp_path / "c")]
    done = CliRunner().invoke(app, [*about, "--mois", "2026-10"])
    assert done.exit_code == 0, done.output
    assert "1 courriel(s) fait(s)" in done.output
    assert len(list((tmp_path / "c").glob("2026-10-*.eml"))) == 1
    assert CliRunner().invoke(app, [*about, "--mois", "2999-01"]).exit_code == 2
