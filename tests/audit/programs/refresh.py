"""Bring the summary of a store up to date; with « kill » second, die just before what was merged is committed."""

import os
import signal
import sys

from pertimage.audit.store import open_store
from pertimage.audit.summary import refresh

if sys.argv[2:] == ["kill"]:
    refresh._note = lambda connection, seq: os.kill(os.getpid(), signal.SIGKILL)
refresh.AT_ONCE = 1
store = open_store(sys.argv[1], migrate=False)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
refresh.refresh(store)
store.close()
