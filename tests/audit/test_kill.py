import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pertimage.audit.chain import records
from pertimage.audit.journal import Journal, verify

APPEND = Path(__file__).parent / "programs" / "append.py"


@pytest.mark.parametrize("round_", range(3))
def test_what_was_acknowledged_survives_kill_9(store_url, store, now, round_):
    """A process killed while it appends from eight threads loses no acknowledged record, and the chain goes on."""
    process = subprocess.Popen([sys.executable, str(APPEND), store_url, "8", "100000"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(random.uniform(0.05, 0.5))
    process.send_signal(signal.SIGKILL)
    # The last line may be cut in the middle of its hash: only whole lines are acknowledgements.
    output = first + process.communicate()[0]
    acknowledged = dict(line.split() for line in output.decode().split("\n")[:-1])
    # A commit may still be on its way in the server; the next append waits for it, since it needs the head.
    journal = Journal(store)
    following = journal.append("note", {}, now)
    journal.close()
    with store.reader.connect() as connection:
        kept = {str(record.seq): record.hash for record in records(connection)}
    assert acknowledged
    assert acknowledged.items() <= kept.items()
    assert following.seq == len(kept)
    assert verify(store.reader) == []
