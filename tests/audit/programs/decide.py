"""Decide the requests named on the command line, as soon as a line comes on standard input; print those won."""

import sys
from datetime import UTC, datetime

from pertimage.audit.journal import Journal
from pertimage.audit.register import Register
from pertimage.audit.review import AlreadyDecided
from pertimage.audit.store import open_store

url, radiologist, *requests = sys.argv[1:]
register = Register(Journal(open_store(url)))
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
for request in requests:
    try:
        register.decide(request, "refuser", reason=f"refus de {radiologist}", radiologist=radiologist, at=datetime.now(UTC))
    except AlreadyDecided:
        continue
    sys.stdout.write(f"{request}\n")
register.journal.close()
