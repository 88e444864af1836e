import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.disclosure import MASKED, SMALL_SHOWN, share_is_shown, shown, shown_row


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (1, "≤\u00a07"), (7, "≤\u00a07"), (8, "8"), (1234, "1234")])
def test_a_count_from_one_to_seven_is_not_published(count, text):
    """Zero and large counts are shown, small ones are not."""
    assert shown(count) == text


def test_a_lone_small_count_cannot_be_had_by_subtraction():
    """When one count of a row is hidden and the total known, the next smallest is masked too."""
    assert shown_row([120, 3, 40, 0]) == ["120", SMALL_SHOWN, MASKED, "0"]
    assert shown_row([120, 3, 5]) == ["120", SMALL_SHOWN, SMALL_SHOWN]
    assert shown_row([120, 40]) == ["120", "40"]
    assert shown_row([3, 0]) == [SMALL_SHOWN, "0"]


@given(st.lists(st.integers(0, 50), max_size=8))
def test_no_row_gives_away_a_small_count(counts):
    """Wherever something is hidden and something else could be, at least two cells are."""
    texts = shown_row(counts)
    hidden = [text for text in texts if text in (SMALL_SHOWN, MASKED)]
    assert len(hidden) != 1 or all(count <= 7 for count in counts)
    assert all(text == str(count) for text, count in zip(texts, counts, strict=True) if text not in (SMALL_SHOWN, MASKED))


@pytest.mark.parametrize(
    ("part", "whole", "published"), [(0, 100, True), (3, 100, False), (95, 100, False), (50, 100, True), (0, 0, False), (5, 5, False)]
)
def test_a_share_of_a_small_count_is_not_published(part, whole, published):
    """Neither the part nor the rest may be small."""
    assert share_is_shown(part, whole) is published
