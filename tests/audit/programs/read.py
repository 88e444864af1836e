"""Count the requests to review, as soon as a line comes on standard input."""

import sys

from pertimage.audit.journal import Journal
from pertimage.audit.register import Register
from pertimage.audit.store import open_store

store = open_store(sys.argv[1])
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
register = Register(Journal(store))
sys.stdout.write(f"{len(register.worklist(limit=100_000))}\n")
register.journal.close()
