"""Acknowledged means durable: what the service acknowledged before a kill -9 is there afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from pertimage.audit.store import open_store
from pertimage.audit.verification import verify
from tests.web.test_hooks import order


@pytest.mark.slow
def test_acknowledged_requests_survive_a_kill(tmp_path: Path) -> None:
    """Eight clients sign requests while the server is killed: every 201 is found after the restart, the chain is whole."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = tmp_path / "k.db"
    command = [sys.executable, "-m", "pertimage.web", "serve", "--demo", "--port", str(port), "--database", str(database)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    acknowledged: list[str] = []
    try:
        _wait(port)
        threads = [threading.Thread(target=_sign, args=(port, acknowledged)) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join(20)
    finally:
        process.kill()
        process.wait()
    assert len(acknowledged) > 20
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        missing = [name for name in acknowledged if httpx.get(f"http://127.0.0.1:{port}/fhir/ServiceRequest/{name}").status_code != 200]
    finally:
        process.terminate()
        process.wait()
    assert missing == []
    store = open_store(f"sqlite:///{database}", migrate=False)
    try:
        assert verify(store.reader) == []
    finally:
        store.close()


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/sante").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


def _sign(port: int, acknowledged: list[str]) -> None:
    body = order("lumbago depuis 5 j", "radio rachis lombaire", status="active")
    with httpx.Client(timeout=10) as client:
        for _ in range(2000):
            try:
                answer = client.post(f"http://127.0.0.1:{port}/fhir/ServiceRequest", json=body)
            except httpx.HTTPError:
                return
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])
