import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.pseudonym import Pseudonyms, age_band

KEY = "clé de test, assez longue"
IDENTIFIERS = st.text(min_size=1).filter(lambda text: bool(text.strip()))


def test_a_pseudonym_is_stable_and_says_nothing():
    """The same identifier gives the same 32 characters, which do not contain it."""
    first, second = Pseudonyms(KEY).patient("1 84 12 76 451 089 46"), Pseudonyms(KEY.encode()).patient("184127645108946")
    assert first == second
    assert len(first) == 32
    assert "1841" not in first


def test_a_pseudonym_depends_on_the_key_and_on_what_it_names():
    """Another key, another kind of identifier or another site gives another pseudonym."""
    names, others = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    made = [names.patient("12"), others.patient("12"), names.prescriber("12"), names.accession("a", "12"), names.accession("b", "12")]
    assert len(set(made)) == 5


@given(IDENTIFIERS, IDENTIFIERS)
def test_two_identifiers_never_share_a_pseudonym(first, second):
    """Only spaces are ignored."""
    names = Pseudonyms(KEY)
    assert (names.patient(first) == names.patient(second)) == ("".join(first.split()) == "".join(second.split()))


@pytest.mark.parametrize("key", ["", "trop court"])
def test_a_weak_key_is_refused(key):
    """A short key could be guessed."""
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonyms(key)


def test_an_empty_identifier_is_refused():
    """Patients without identifier must not become one patient."""
    with pytest.raises(ValueError, match="empty patient"):
        Pseudonyms(KEY).patient("  ")


def test_the_key_does_not_show_in_a_trace():
    """Printing the object does not print its key."""
    assert KEY not in repr(Pseudonyms(KEY))


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "0-4"), (4.99, "0-4"), (5, "5-14"), (17.9, "15-17"), (18, "18-29"), (79.9, "70-79"), (80, "80+"), (112, "80+"), (None, None)],
)
def test_an_age_becomes_a_band(age, band):
    """Bands hold whole years; the oldest share one, because they are few."""
    assert age_band(age) == band


@pytest.mark.parametrize("age", [-1, 131, float("nan")])
def test_an_impossible_age_is_refused(age):
    """A wrong age is an error of data, not a band."""
    with pytest.raises(ValueError, match="age"):
        age_band(age)
