"""How fast authors are asked for: against the ideal time, and how much memory that takes.

A service with fixed latency on the loopback address, in a process of its own. The ideal time is
requests x latency / connections. Run it on an idle machine:

    .venv/bin/python benchmarks/llm.py [AUTHORS ...]
"""

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

LATENCY, CONNECTIONS = 0.05, 16


def serve(pipe) -> None:
    from helpers.service import Service

    with Service(latency=LATENCY) as service:
        pipe.send(service.url)
        pipe.recv()
        pipe.send(sum(service.asked.values()))


def generate(url: str, authors: int) -> None:
    """In a process of its own, whose memory is looked at."""
    from helpers.generated_worlds import generation, made
    from helpers.service import KEY

    os.environ["OPENAI_API_KEY"] = KEY
    import openai  # noqa: F401 - loading it is not what is measured

    settings = generation(url, service={"timeout": 60.0, "connections": CONNECTIONS})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made(Path(folder), settings, authors, 0)
        wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}
    print(json.dumps(figures))


def measure(authors: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,))
    server.start()
    command = [sys.executable, __file__, "--generate", ours.recv(), str(authors)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ours.send("stop")
    requests = ours.recv()
    server.join()
    found = json.loads(done.stdout.splitlines()[-1])
    ideal = requests * LATENCY / CONNECTIONS
    print(
        f"{authors} authors: {requests} requests, {found['wall']:.1f} s, ideal {ideal:.1f} s,"
        f" ratio {found['wall'] / ideal:.2f}; {found['cpu']:.1f} s of CPU time,"
        f" {found['mib']:.0f} MiB at the most"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--generate"]:
        generate(sys.argv[2], int(sys.argv[3]))
    else:
        for count in map(int, sys.argv[1:] or ("50", "200", "800")):
            measure(count)
