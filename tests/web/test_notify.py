"""The mails that say that an answer waits: what they say, that none leaves twice and none is lost without a word."""

import email
import re
import smtplib
import socketserver
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email import policy

import pytest
from typer.testing import CliRunner

from pertimage.audit.notifications import How, Notifications, State
from pertimage.web.cli import app
from pertimage.web.notify import SUBJECT, answer_mail, by_smtp, into, notify
from tests.audit.scenes import MODALITIES, record
from tests.web.pages import service_at

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MAILS = "Dr A <a@exemple.fr>, Dr B <b@exemple.fr>"


class Post:
    """A way that keeps what leaves, and fails where it is told to."""

    def __init__(self, **faults):
        self.taken, self.faults = [], faults

    def _may_fail(self, where):
        if where in self.faults:
            raise self.faults[where]

    @contextmanager
    def __call__(self, mail, name):
        """Take a mail, or fail before, at or after the moment when it leaves."""
        self._may_fail("open")

        def leave():
            self._may_fail("refuse")
            self.taken.append(mail)
            self._may_fail("leave")

        yield leave
        self._may_fail("close")


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Give a service whose clock says Monday noon, and where Dr A wants a mail for each answer."""
    opened = service_at(tmp_path, mails=MAILS, mail_from="pertimage@exemple.fr", base_url="https://pertimage.exemple.fr/")
    at(opened, monkeypatch, NOON)
    Notifications(opened.journal).choose(opened.pseudonyms.prescriber("Dr A"), How.EACH, at=NOON)
    yield opened
    opened.close()


def at(service, monkeypatch, moment):
    """Set the clock."""
    monkeypatch.setattr(service, "now", lambda: moment)


def asked(service, name="Dr A", **line):
    """Have a question asked on a prescriber's request; return the request."""
    request = record(service.register, service.now(), prescriber=service.pseudonyms.prescriber(name), flagged=True, signed=True, **line)
    service.register.decide(request, "demander-complement", reason="Fièvre ?", radiologist="r", at=service.now())
    return request


def without_marks(mail):
    """Return a mail without what makes two of them differ: its instant and its number."""
    return re.sub(rb"^(Date|Message-ID): .*(\n\s.*)*", b"", bytes(mail), flags=re.MULTILINE)


def test_the_mail_is_two_links(service):
    """A constant subject, the page of answers, the page of the choice, plain French text that no machine answers to."""
    read = email.message_from_bytes(bytes(answer_mail(service.settings, "a@exemple.fr", NOON)), policy=policy.default)
    assert (read["To"], read["Subject"], read["Auto-Submitted"]) == ("a@exemple.fr", SUBJECT, "auto-generated")
    assert read["List-Unsubscribe"] == "<https://pertimage.exemple.fr/mes-notifications>"
    assert (read.get_content_type(), read.get_content_charset()) == ("text/plain", "utf-8")
    found = re.findall(r"https?://\S+", read.get_content())
    assert found == ["https://pertimage.exemple.fr/mes-demandes", "https://pertimage.exemple.fr/mes-notifications"]


def test_no_mail_tells_anything_of_a_request(service, monkeypatch):
    """Whatever the exam, the words, the urgency and the decision, the same bytes but for instant and number."""
    post, now = Post(), NOON
    decisions = [
        ("demander-complement", {"reason": "Grossesse ?"}),
        ("refuser", {"reason": "Inutile, lombalgie récente"}),
        ("substituer", {"reason": "moins irradiant", "exam": "radio-bassin"}),
        ("reporter", {"reason": "après la kiné", "until": date(2027, 1, 5)}),
        ("valider-avec-protocole", {"reason": "sans injection"}),
    ]
    scenes = [(exam, priority, *one) for exam in MODALITIES for priority in ("routine", "urgent") for one in decisions]
    for exam, priority, decision, about in scenes:
        now += timedelta(minutes=10)
        at(service, monkeypatch, now)
        line = {"exam": exam, "priority": priority, "site": "clinique-du-sein", "outcome": "not-indicated"}
        request = record(service.register, now, prescriber=service.pseudonyms.prescriber("Dr A"), flagged=True, signed=True, **line)
        service.register.decide(request, decision, radiologist="r", at=now, **about)
        assert notify(service, post).made == 1
        assert request.encode() not in bytes(post.taken[-1])
    assert len(post.taken) == len(scenes)
    assert len({without_marks(mail) for mail in post.taken}) == 1


def test_each_is_told_once_and_for_all_their_requests(service, monkeypatch):
    """Two questions, one mail; Dr B, who wishes nothing, gets none; what comes within ten minutes waits."""
    post = Post()
    asked(service)
    asked(service)
    asked(service, "Dr B")
    assert (notify(service, post).made, notify(service, post).made) == (1, 0)
    asked(service)
    done = notify(service, post)
    assert (done.made, done.later) == (0, 1)
    at(service, monkeypatch, NOON + timedelta(minutes=10))
    assert notify(service, post).made == 1
    assert [mail["To"] for mail in post.taken] == ["a@exemple.fr", "a@exemple.fr"]


def test_quiet_hours_and_reminder(service, monkeypatch):
    """Asked on Friday evening, told on Monday at seven; three days later, one reminder."""
    post = Post()
    at(service, monkeypatch, datetime(2026, 11, 27, 20, 0, tzinfo=UTC))
    asked(service)
    told = []
    for hour in range(24 * 14):
        at(service, monkeypatch, datetime(2026, 11, 27, 20, 0, tzinfo=UTC) + timedelta(hours=hour))
        told += [service.now()] * notify(service, post).made
    assert told == [datetime(2026, 11, 30, 6, 0, tzinfo=UTC), datetime(2026, 12, 3, 6, 0, tzinfo=UTC)]


def test_who_has_no_address_is_named(service):
    """Nothing is lost: told once the settings know the address."""
    Notifications(service.journal).choose(service.pseudonyms.prescriber("Dr C"), How.EACH, at=NOON)
    asked(service, "Dr C")
    done = notify(service, Post())
    assert done.without_address == [service.pseudonyms.prescriber("Dr C")[:12]]
    assert done.failures == []


REFUSED = smtplib.SMTPRecipientsRefused({"a@exemple.fr": (550, b"a@exemple.fr inconnu")})
GONE = smtplib.SMTPServerDisconnected("gone")


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize(
    ("faults", "left", "again", "said"),
    [
        ({"open": OSError("injoignable")}, 0, 1, "Envoi impossible"),
        ({"refuse": REFUSED}, 0, 1, "550"),
        ({"refuse": smtplib.SMTPDataError(451, b"plus tard")}, 0, 1, "451"),
        ({"refuse": GONE}, 0, 0, "peut-être pas parti"),
        ({"leave": TimeoutError()}, 1, 0, "peut-être pas parti"),
        ({"close": GONE}, 1, 0, ""),
    ],
)
def test_a_failure_is_named_and_never_sends_twice(service, monkeypatch, faults, left, again, said):
    """What surely did not leave is made again; what may have left is not; both are said, without any address."""
    asked(service)
    post, healthy = Post(**faults), Post()
    done = notify(service, post)
    assert len(post.taken) == left
    assert said in "".join(done.failures)
    assert bool(done.failures) is bool(said)
    assert "@" not in "".join(done.failures)
    at(service, monkeypatch, NOON + timedelta(minutes=30))
    assert notify(service, healthy).made == len(healthy.taken) == again
    assert notify(service, healthy).failures == []


@pytest.mark.parametrize(("step", "left", "again"), [("open", 0, 1), ("refuse", 0, 0), ("leave", 1, 0), ("settle", 1, 0)])
def test_a_run_killed_at_any_step_sends_at_most_one(service, monkeypatch, step, left, again):
    """Before the journal says that it leaves, it is made again; after, the next runs name it once and do not make it again."""
    asked(service)
    post = Post(**({step: Killed()} if step != "settle" else {}))
    with monkeypatch.context() as patch:
        if step == "settle":
            patch.setattr(Notifications, "settle", lambda *_, **__: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            notify(service, post)
    assert len(post.taken) == left
    healthy = Post()
    assert notify(service, healthy).failures == []
    at(service, monkeypatch, NOON + timedelta(minutes=10))
    failures = notify(service, healthy).failures
    assert len(failures) == 1 - again
    assert all("Dr A : peut-être pas parti" in failure for failure in failures)
    assert len(healthy.taken) == again
    assert notify(service, healthy).failures == []
    asked(service)
    at(service, monkeypatch, NOON + timedelta(minutes=20))
    assert notify(service, healthy).made == 1


def test_one_refusal_does_not_keep_the_others(service):
    """Dr A's address is refused, Dr B is told."""
    Notifications(service.journal).choose(service.pseudonyms.prescriber("Dr B"), How.EACH, at=NOON)
    asked(service)
    asked(service, "Dr B")
    taken = []

    @contextmanager
    def way(mail, name):
        def leave():
            if mail["To"].startswith("a@"):
                raise REFUSED
            taken.append(mail["To"])

        yield leave

    done = notify(service, way)
    assert (done.made, len(done.failures), taken) == (1, 1, ["b@exemple.fr"])


class _Server(socketserver.StreamRequestHandler):
    """Takes mails in, as plain SMTP, but for the recipients that it does not know."""

    def handle(self):
        self.wfile.write(b"220 ici\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 oui\r\n")
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    self.server.taken.append(part)
            known = b"<b@" not in line
            self.wfile.write(b"221 fin\r\n" if line.upper().startswith(b"QUIT") else b"250 oui\r\n" if known else b"550 inconnu\r\n")


@pytest.fixture
def server():
    """Give a mail server of this machine."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Server) as opened:
        opened.taken = []
        threading.Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


def test_a_real_server_takes_one_and_refuses_the_other(service, server, tmp_path):
    """The file of what left stays in the folder, that of what was refused does not."""
    Notifications(service.journal).choose(service.pseudonyms.prescriber("Dr B"), How.EACH, at=NOON)
    asked(service)
    asked(service, "Dr B")
    done = notify(service, into(tmp_path / "c", by_smtp(f"smtp://127.0.0.1:{server.server_address[1]}")))
    assert done.made == 1
    assert done.failures == ["Dr B : refusé (SMTPRecipientsRefused 550), sera refait à une prochaine exécution"]
    assert [path.name for path in (tmp_path / "c").iterdir()] == [f"20261123-120000-{service.pseudonyms.prescriber('Dr A')[:12]}.eml"]
    assert any(b"/mes-demandes" in part for part in server.taken)


@pytest.fixture
def command(service, monkeypatch, tmp_path):
    """Run the command on the database of the service, any day and hour."""
    monkeypatch.setenv("PERTIMAGE_MAILS", MAILS)
    monkeypatch.setenv("PERTIMAGE_NOTIFY_QUIET", "")
    monkeypatch.setenv("PERTIMAGE_NOTIFY_WEEKEND", "true")

    def run(*options):
        return CliRunner().invoke(app, ["notify", "--demo", "--database", service.settings.database_url, *options])

    return run


def test_the_command_tells_what_it_would_do_then_does_it(command, service, tmp_path):
    """Without option nothing is made; ``--into`` writes files, once."""
    asked(service)
    assert "1 prescripteur(s) à prévenir" in command().output
    assert "1 courriel(s) écrit(s)" in command("--into", str(tmp_path / "c")).output
    assert "0 courriel(s) écrit(s)" in command("--into", str(tmp_path / "c")).output
    assert len(list((tmp_path / "c").iterdir())) == 1


def test_the_command_fails_when_something_failed(command, service, monkeypatch):
    """A server that does not answer: exit code 1, nothing lost; no server: 2; what is in doubt is listed."""
    asked(service)
    assert command("--send").exit_code == 2
    monkeypatch.setenv("PERTIMAGE_SMTP", "smtp://127.0.0.1:9")
    failed = command("--send")
    assert failed.exit_code == 1
    assert "rien n'est perdu" in failed.output
    told = Notifications(service.journal)
    told.settle(told.leave(told.awaiting()[0], at=NOON), State.UNSURE, at=NOON, why="TimeoutError")
    listed = command("--failed")
    assert listed.exit_code == 0
    assert "Dr A · incertain, non refait · TimeoutError" in listed.output
