"""What holds for all tests: how many examples Hypothesis draws, few and always the same in `make test`, and which tests come last."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=100)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that use a browser last: Playwright leaves a loop running in the thread, where no test could then run one of its own."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
