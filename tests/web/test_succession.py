"""A prescriber who left: what is awaited of them goes to another, and the thread says so."""

from __future__ import annotations

from typer.testing import CliRunner

from pertimage.web.cli import app
from pertimage.web.settings import Settings
from tests.web.pages import person, service_at

RUN = CliRunner()


def test_open_requests_go_to_another(tmp_path):
    """The one who takes over sees the question and the thread; running it again changes nothing."""
    service = service_at(tmp_path)
    gp = person(service)
    gp.sign("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire", motif="desaccord")
    (row,) = service.register.worklist(limit=5)
    names = {name: service.pseudonyms.prescriber(name) for name in ("Dr Démo", "Dr Suite")}
    assert row.prescriber == names["Dr Démo"]
    service.close()
    base = Settings(demo=True, database=f"sqlite:///{tmp_path}/pages.db").database
    given = ["succession", "--de", "Dr Démo", "--a", "Dr Suite", "--demo", "--database", base]
    assert "1 demande en cours confiée." in RUN.invoke(app, given).output
    assert "Aucune demande" in RUN.invoke(app, given).output
    again = service_at(tmp_path)
    assert [one.id for one in again.register.my_requests(names["Dr Suite"])] == [row.id]
    assert again.register.my_requests(names["Dr Démo"]) == []
    assert "succession" in [turn.kind for turn in again.register.thread(row.id)]
    again.close()


def test_results_to_explain_go_to_another_too(tmp_path):
    """A report that nobody explained is not lost with its prescriber; what was explained stays where it is."""
    service = service_at(tmp_path)
    gp = person(service)
    waits, told = (gp.sign("lombalgie depuis 4 mois, jamais d'imagerie", "IRM lombaire", demande=digit * 32) for digit in "12")
    for request in (waits, told):
        gp.post(f"/relecture/{request}/restitution", dit="compte-rendu")
    gp.post(f"/mes-demandes/{told}/restitution", dit="explique", par="medecin-demandeur")
    names = {name: service.pseudonyms.prescriber(name) for name in ("Dr Démo", "Dr Suite")}
    service.close()
    base = Settings(demo=True, database=f"sqlite:///{tmp_path}/pages.db").database
    said = RUN.invoke(app, ["succession", "--de", "Dr Démo", "--a", "Dr Suite", "--demo", "--database", base])
    assert "1 demande en cours confiée." in said.output
    again = service_at(tmp_path)
    assert [one.id for one in again.register.my_requests(names["Dr Suite"])] == [waits]
    again.close()


def test_one_does_not_succeed_oneself(tmp_path):
    """The same name twice, or none, is refused."""
    base = f"sqlite:///{tmp_path}/t.db"
    for leaving, taking in (("Dr A", "Dr A"), (" ", "Dr A")):
        said = RUN.invoke(app, ["succession", "--de", leaving, "--a", taking, "--demo", "--database", base])
        assert (said.exit_code, "différents" in said.output) == (2, True)
