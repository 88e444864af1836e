"""Append to the journal at a URL from several threads, printing each number once it is acknowledged, until killed."""

import sys
import threading
from datetime import UTC, datetime

from pertimage.audit.journal import Journal
from pertimage.audit.store import open_store

url, threads, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
journal = Journal(open_store(url))


def work(name: int) -> None:
    """Append ``count`` records."""
    for turn in range(count):
        record = journal.append("note", {"thread": name, "turn": turn, "pad": "é" * 400}, datetime.now(UTC))
        sys.stdout.write(f"{record.seq} {record.hash}\n")
        sys.stdout.flush()


workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
journal.close()
