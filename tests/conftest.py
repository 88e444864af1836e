"""How many examples Hypothesis draws: few and always the same in `make test`, many and new ones in `make fuzz`."""

import os

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
