"""Record judgements, printing their ids once acknowledged, then die at once; the last argument is the backlog allowed."""

import os
import signal
import sys
from datetime import UTC, datetime

from pertimage.audit.journal import Journal
from pertimage.audit.register import Register
from pertimage.audit.store import open_store
from pertimage.cds.model import Assessment, ImagingRequest, Outcome

url, count, backlog = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
register = Register(Journal(open_store(url), idle=3600, backlog=backlog))
request = ImagingRequest("ServiceRequest/1", "IRM lombaire")
lines = [Assessment(request.id, Outcome.NOT_INDICATED, "irm-rachis-lombaire", "2026.11.0", "…", flagged=True)]
for _ in range(count):
    made = register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=datetime.now(UTC), signed=True)
    sys.stdout.write(f"{made}\n")
    sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
