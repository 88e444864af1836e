import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.disclosure import (
    MASKED,
    SMALL_SHOWN,
    Cell,
    Mask,
    breakdown,
    protect_row,
    protect_table,
    publish,
    quantile_is_shown,
    share,
    share_is_shown,
    shown,
    shown_row,
)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1, SMALL_SHOWN), (7, SMALL_SHOWN), (8, "10"), (12, "10"), (13, "15"), (1234, "1235")]
)
def test_a_count_from_one_to_seven_is_not_published(count, text):
    """Zero is said, small counts are not, the others are rounded to the nearest 5."""
    assert shown(count) == text


def test_a_lone_small_count_cannot_be_had_by_subtraction():
    """The rounding often leaves a lone hidden count all its values; when it does not, the smallest that helps is masked too."""
    assert shown_row([120, 3, 40, 0]) == ["120", SMALL_SHOWN, "40", "0"]
    assert shown_row([7, 42]) == [SMALL_SHOWN, MASKED]
    assert shown_row([7, 42, 60]) == [SMALL_SHOWN, "40", "60"]
    assert shown_row([120, 40]) == ["120", "40"]
    assert shown_row([3, 0]) == [SMALL_SHOWN, "0"]


def test_a_total_can_give_its_parts_away():
    """Seven and seven make fourteen: nothing but the total can be masked. Seven ones make « ≤ 7 », which would say them all."""
    assert protect_row([7, 7])[1] == Cell(None, Mask.COMPLEMENTARY)
    assert protect_row([1] * 7)[1] == Cell(None, Mask.COMPLEMENTARY)
    assert protect_row([3, 40], exact=True)[0][1].french == MASKED


@given(st.lists(st.integers(0, 50), max_size=8))
def test_a_row_shows_rounded_numbers_only(counts):
    """What is not masked is a multiple of 5, at most 2 away; zero is zero; what is from 1 to 7 never shows."""
    cells, _ = protect_row(counts)
    for cell, count in zip(cells, counts, strict=True):
        assert cell.masked is not None or (cell.value % 5 == 0 and abs(cell.value - count) <= 2 and (cell.value == 0) is (count == 0))
        assert not 1 <= count <= 7 or cell.value is None


def test_a_cell_says_why_it_is_empty_to_a_machine():
    """JSON and CSV carry null and the reason, never a text in the place of a number."""
    assert publish(3).to_json() == {"valeur": None, "masque": "petit-effectif"}
    assert publish(42).to_json() == {"valeur": 40, "masque": None}
    assert protect_row([7, 42])[0][1].to_json() == {"valeur": None, "masque": "secondaire"}
    with pytest.raises(ValueError, match="not negative"):
        publish(-1)


def test_a_restricted_table_is_exact():
    """Who is authorised reads the counts as they are, totals included."""
    table = protect_table([[3, 42], [0, 1]], restricted=True)
    assert [[cell.value for cell in row] for row in table.cells] == [[3, 42], [0, 1]]
    assert (table.rows[0].value, table.columns[1].value, table.total.value) == (45, 43, 46)
    assert breakdown([[7, 1]], restricted=True).rows == ((Cell(7), Cell(1)),)


def test_totals_that_hide_each_other_are_not_broken_down():
    """A breakdown that would give a small count away is withheld; masked totals lend it the shelter of their sum."""
    assert breakdown([[7, 7, 7], [400, 500, 9]], columns=False).rows[0] is None
    sheltered = breakdown([[30, 4], [400, 500]], hidden=[60, 20])
    assert sheltered.rows[0] == (Cell(None, Mask.COMPLEMENTARY), Cell(None, Mask.SMALL))
    assert sheltered.rows[1][0].value == 400


@pytest.mark.parametrize(
    ("part", "whole", "published"), [(0, 100, True), (3, 100, False), (95, 100, False), (50, 100, True), (0, 0, False), (5, 5, False)]
)
def test_a_share_of_a_small_count_is_not_published(part, whole, published):
    """Neither the part nor the rest may be small."""
    assert share_is_shown(part, whole) is published
    assert (share(part, whole) is not None) is published


def test_a_share_is_that_of_the_rounded_counts():
    """Forty-three of fifty-seven: 45 of 55, for 0.754386 would give 43 and 57 back."""
    assert share(43, 57) == 45 / 55
    assert share(57, 57) == 1


@pytest.mark.parametrize(("count", "level", "published"), [(14, 0.5, False), (16, 0.5, True), (70, 0.9, False), (80, 0.9, True)])
def test_a_quantile_has_enough_values_on_each_side(count, level, published):
    """A ninth decile of twenty values is the wait of one patient or two."""
    assert quantile_is_shown(count, level) is published
