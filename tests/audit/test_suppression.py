"""What a reader could compute from a published table: audited against every table that fits, and against linear programming."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pertimage.audit.suppression import COMPLEMENT, SMALL, Grid, rounded

COUNTS = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 60))
TABLES = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda size: st.lists(st.lists(COUNTS, min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0])
)
FAR = 400


def fits(grid, key, known, exact):
    """Return the values that a reader grants a count, from what is published alone."""
    value, mask = grid.value(key), grid.masked(key)
    if known:
        return value, value
    if mask == COMPLEMENT:
        withheld = key[0] in grid.withheld and key[1] is not None
        return 0 if withheld or len(grid.withheld) == len(grid.counts) else 1 if None in key else SMALL + 1, FAR
    if 1 <= value <= SMALL:
        return 1, SMALL
    if exact or not value:
        return value, value
    return max(8, rounded(value) - 2), rounded(value) + 2


def all_keys(rows):
    """Return the cells and the totals of a table."""
    return [*product([*range(len(rows)), None], [*range(len(rows[0])), None])]


def programmed(grid, rows, wanted, rows_known, exact):
    """Return the bounds of a count by linear programming over the cells, from what is published alone."""
    cells = [*product(range(len(rows)), range(len(rows[0])))]
    lines, limits = [], []
    for key in all_keys(rows):
        known = rows_known and key[1] is None
        low, high = fits(grid, key, known, exact)
        line = np.array([float(key[0] in (None, row) and key[1] in (None, column)) for row, column in cells])
        lines += [line, -line]
        limits += [high, -low]
    aim = np.array([float(wanted[0] in (None, row) and wanted[1] in (None, column)) for row, column in cells])
    ends = [linprog(sign * aim, A_ub=np.array(lines), b_ub=limits, bounds=(0, FAR)).fun * sign for sign in (1, -1)]
    return round(ends[0]), round(ends[1])


@given(TABLES, st.sampled_from([(False, False), (False, True), (True, True)]))
def test_no_small_count_of_a_protected_table_can_be_computed(rows, mode):
    """By linear programming on the published numbers, each count from 1 to 7 keeps several values, in every mode."""
    rows_known, exact = mode
    if rows_known:
        rows = [row for row in rows if sum(row) > SMALL]
    if not rows:
        return
    grid = Grid(rows, rows_known=rows_known, exact=exact)
    grid.protect()
    small = [key for key in all_keys(rows) if 1 <= grid.value(key) <= SMALL and not (rows_known and key[1] is None)]
    for key in small[:3]:
        low, high = programmed(grid, rows, key, rows_known, exact)
        assert high - low + 1 >= 4
        assert grid.masked(key)


@given(TABLES, st.booleans())
def test_the_audit_is_exact(rows, exact):
    """The bounds that the audit finds are those of linear programming, before anything more is masked."""
    grid = Grid(rows, exact=exact)
    for key in [key for key in all_keys(rows) if 1 <= grid.value(key) <= SMALL][:4]:
        assert grid.interval(key) == programmed(grid, rows, key, False, exact)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=2, max_size=2))
def test_every_value_between_the_bounds_is_possible(rows):
    """On two by two tables, counting every table that fits what is published gives the interval, without holes."""
    grid = Grid(rows)
    grid.protect()
    spans = [range(low, min(high, 24) + 1) for low, high in (fits(grid, key, False, False) for key in product(range(2), range(2)))]
    totals = {key: fits(grid, key, False, False) for key in all_keys(rows) if None in key}
    seen = {key: set() for key in product(range(2), range(2))}
    for values in product(*spans):
        table = dict(zip(seen, values, strict=True))
        sums = {key: sum(v for (r, c), v in table.items() if key[0] in (None, r) and key[1] in (None, c)) for key in totals}
        if all(low <= sums[key] <= high for key, (low, high) in totals.items()):
            for key, value in table.items():
                seen[key].add(value)
    for key, values in seen.items():
        if 1 <= grid.value(key) <= SMALL:
            low, high = grid.interval(key)
            assert values == set(range(low, high + 1))
            assert len(values) >= 4


def test_a_small_count_given_by_its_row_and_its_column_is_covered_both_ways():
    """In a table with totals known to the unit, one mask in the row alone would leave the column to compute it."""
    grid = Grid([[3, 40, 50], [60, 70, 80], [90, 20, 30]], exact=True)
    grid.protect()
    masked = {key for key in all_keys(grid.counts) if grid.masked(key)}
    assert len(masked) >= 4
    assert any(row != 0 for row, _ in masked)
    assert grid.room((0, 0)) >= 4


def test_a_row_that_only_small_counts_fill_is_withheld():
    """Twenty-one exams in three classes of seven: with the total known, each can only be seven."""
    grid = Grid([[7, 7, 7]], rows_known=True, exact=True, columns_published=False)
    grid.protect()
    assert grid.withheld == {0}


@pytest.mark.parametrize("rows", [[], [[1], [1, 2]], [[-1]]])
def test_what_is_not_a_table_is_refused(rows):
    """No row, rows of different lengths, a count under zero."""
    with pytest.raises(ValueError, match="a table has rows"):
        Grid(rows)
