"""The simulations between sites, of charts, of funnels and of power: every scenario gives its line of figures."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench import chart_simulations, method_simulations


@pytest.mark.parametrize("drawn", [*method_simulations.TABLES, *chart_simulations.TABLES], ids=lambda drawn: drawn.__name__)
def test_each_scenario_has_its_figures(drawn):
    """With two series, the table has the same number of cells in each line, and no figure that is not a number."""
    with ThreadPoolExecutor(1) as pool:
        lines = [line for line in drawn(2, pool).splitlines() if line.startswith("|")]
    assert len(lines) > 6
    assert len({line.count("|") for line in lines}) == 1
    assert "nan" not in "".join(lines)
