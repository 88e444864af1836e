"""`make bench`: order-sign against the floor, cost by prefetched resource, throughput of `pertimage assess`.

Floor and service run one after the other in each round, one worker each, under the same load; medians of the rounds are
reported with their ratio. The service judges in full and writes to its journal, on disk, before it answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.bodies import order, order_sign

ROUNDS, SECONDS = 3, 5
VARIED = 20_000  # more than the judgements that the service keeps in memory, so that none is found there
PATH = "/cds-services/imagerie-pertinence"
SCRIPT = """
local bodies, turn = {}, 0
for line in io.lines(os.getenv("BODY")) do bodies[#bodies + 1] = line end
request = function() turn = turn % #bodies + 1; return wrk.format(nil, nil, nil, bodies[turn]) end
wrk.method = "POST"; wrk.headers["Content-Type"] = "application/json"
done = function(s, l, r) io.write(string.format('JSON {"rps":%.1f,"p50":%.3f,"p99":%.3f,"errors":%d}\\n', s.requests / (s.duration / 1e6),
  l:percentile(50) / 1e3, l:percentile(99) / 1e3, s.errors.status + s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout)) end
"""


def main() -> None:
    """Run the benchmarks and print their tables."""
    if shutil.which("wrk") is None:
        subprocess.run(["bash", "-c", ". tools/apt.sh; can_install && apt_install wrk"], check=False)
    if shutil.which("wrk") is None:
        sys.exit("wrk manque : apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "post.lua").write_text(SCRIPT)
        _order_sign(work)
        _growth(work)
        _assess(work)


def _order_sign(work: Path) -> None:
    same, varied = work / "same.ndjson", work / "varied.ndjson"
    same.write_bytes(order_sign(15))
    varied.write_bytes(b"\n".join(order_sign(15, number) for number in range(VARIED)))
    print(f"order-sign, corps de {same.stat().st_size} octets, un processus, médiane de {ROUNDS} tours de {SECONDS} s")
    print(f"{'demandes':>30} {'connexions':>10} {'plancher req/s':>15} {'service req/s':>14} {'rapport':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for shown, body in (("déjà jugée (order-select)", same), ("toutes différentes", varied)):
        for connections in (1, 16):
            floors, services = [], []
            for _ in range(ROUNDS):
                with _server("floor", work) as port:
                    floors.append(_load(port, connections, body, work))
                with _server("service", work) as port:
                    services.append(_load(port, connections, body, work))
            floor, service = _median(floors, "rps"), _median(services, "rps")
            print(
                f"{shown:>30} {connections:>10} {floor:>15.0f} {service:>14.0f} {service / floor:>8.2f} {_median(services, 'p50'):>8.2f} {_median(services, 'p99'):>8.2f}"
            )


def _growth(work: Path) -> None:
    print("\norder-sign selon le nombre de ressources transmises (1 connexion)")
    print(f"{'ressources':>10} {'octets':>8} {'p50 ms':>8} {'µs par ressource de plus':>26}")
    earlier: tuple[int, float] | None = None
    with _server("service", work) as port:
        for resources in (0, 10, 100, 1000):
            body = work / f"n{resources}.json"
            body.write_bytes(b"\n".join(order_sign(resources, number) for number in range(VARIED // (resources + 10))))
            p50 = _load(port, 1, body, work)["p50"]
            slope = f"{(p50 - earlier[1]) * 1000 / (resources - earlier[0]):.1f}" if earlier else "—"
            print(f"{resources:>10} {body.stat().st_size:>8} {p50:>8.2f} {slope:>26}")
            earlier = (resources, p50)


def _assess(work: Path) -> None:
    lines = 20_000
    path = work / "demandes.ndjson"
    with path.open("wb") as out:
        for number in range(lines):
            out.write(orjson.dumps(order(number), option=orjson.OPT_APPEND_NEWLINE))
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pertimage.web", "assess", str(path)], check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - start
    print(f"\nassess : {lines} demandes en {took:.1f} s, {lines / took:.0f} par seconde (démarrage compris)")


def _median(results: list[dict[str, float]], key: str) -> float:
    return statistics.median(result[key] for result in results)


def _load(port: int, connections: int, body: Path, work: Path) -> dict[str, float]:
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{SECONDS}s",
        "--latency",
        "-s",
        str(work / "post.lua"),
        f"http://127.0.0.1:{port}{PATH}",
    ]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"BODY": str(body)}).stdout
    result: dict[str, float] = json.loads(next(line for line in shown.splitlines() if line.startswith("JSON "))[5:])
    if result["errors"]:
        sys.exit(f"{result['errors']:.0f} erreurs sous charge : la mesure ne vaut rien")
    return result


@contextlib.contextmanager
def _server(kind: str, work: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if kind == "floor":
        command = [sys.executable, "-m", "uvicorn", "bench.floor:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    else:
        command = [
            sys.executable,
            "-m",
            "pertimage.web",
            "serve",
            "--demo",
            "--port",
            str(port),
            "--database",
            str(work / f"bench-{port}.db"),
        ]
    process = subprocess.Popen(command)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", order_sign(0), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own server, on this machine
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("le serveur n'a pas démarré")


if __name__ == "__main__":
    main()
