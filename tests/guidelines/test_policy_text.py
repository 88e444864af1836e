"""Adding a rule in silence to a policy: what its author wrote stays."""

from __future__ import annotations

from datetime import date

import pytest

from pertimage.guidelines.loader import load_base
from pertimage.guidelines.policy import SilenceForm, read_policy
from pertimage.guidelines.policy_text import with_silence

BASE = load_base()
NEW = SilenceForm(
    regle="lombalgie-commune/recente", auteur='Comité « "régional" »', date=date(2026, 11, 23), motif="Accord : 20 % # doute\nà revoir"
)
OLD = "{regle: bronchite-aigue/simple, auteur: Dr A, date: 2026-10-01, motif: essai}"
TEXTS = {
    "nothing": "",
    "a comment": "# rien encore\n",
    "other keys": "# à garder\ntitre: Essai  # ici\nrepetition_jours: 7",
    "a block": f"titre: Essai\nregles_en_silence:  # décidées\n  - {OLD}\nrepetition_jours: 7  # à garder\n",
    "a block without indent": f"regles_en_silence:\n- {OLD}\n",
    "a flow": f"regles_en_silence: [{OLD}]\ntitre: Essai\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_rule_is_added_and_the_rest_stays(text):
    """The policy read back is the old one with one rule more, its words unchanged."""
    before, _ = read_policy(text, BASE)
    written = with_silence(text, NEW)
    after, faults = read_policy(written, BASE)
    assert faults == []
    assert NEW in after.silenced
    assert {one.rule for one in after.silenced} == {NEW.rule, *(one.rule for one in before.silenced)}
    assert after.model_copy(update={"silenced": []}) == before.model_copy(update={"silenced": []})
    assert "# à garder" in written or "# à garder" not in text
