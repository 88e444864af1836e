"""What is written is read back equal."""

from __future__ import annotations

import orjson

from pertimage.cds.assess import assess
from pertimage.cds.records import assessment_of, request_of
from tests.properties.examples import BASE, EXAMPLES


def test_assessments_and_requests_survive_their_json() -> None:
    """``read(write(x)) == x`` for requests and assessments of every vignette."""
    for request in (example.request for example in EXAMPLES):
        assert request_of(orjson.loads(orjson.dumps(request))) == request
        for one in assess(request, BASE):
            assert assessment_of(orjson.loads(orjson.dumps(one.to_json()))) == one
