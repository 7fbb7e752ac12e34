"""A hub of models on the loopback address: what huggingface_hub and transformers ask of one."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0" * 20
# How the hub says no: status, and the reason in a header.
REFUSALS = {
    "gated": (403, "GatedRepo"),
    "gated_anonymous": (401, "GatedRepo"),
    "missing": (404, "RepoNotFound"),
    "private": (401, "RepoNotFound"),
    "denied": (403, None),
    "unknown": (404, None),
    "broken": (500, None),
}


class Hub:
    """``models``: by id the folder that is served, or a key of REFUSALS. ``asked``: every path."""

    def __init__(self, models: Mapping[str, Path | str]):
        self.models = dict(models)
        self.asked: list[str] = []
        self.url = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path; queries are left out."""
        path = path.partition("?")[0]
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._about("/".join(parts[2:4]), parts[4:])
        return self._file("/".join(parts[:2]), parts[2:])

    def _about(self, name: str, rest: list[str]) -> tuple[int, dict[str, str], bytes]:
        model = self.models.get(name, "missing")
        if rest:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        # Everyone may know that a gated model is there, and what files it has.
        if isinstance(model, str) and not model.startswith("gated"):
            return _refused(model)
        names = ["config.json", "model.safetensors", "tokenizer.json"]
        if not isinstance(model, str):
            names = sorted(file.name for file in model.iterdir())
        about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
        return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()

    def _file(self, name: str, rest: list[str]) -> tuple[int, dict[str, str], bytes]:
        model = self.models.get(name, "missing")
        if isinstance(model, str):
            return _refused(model)
        file = model / rest[-1]
        if rest[:1] != ["resolve"] or len(rest) != 3 or not file.is_file():
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        content = file.read_bytes()
        mark = hashlib.sha256(content).hexdigest()
        return 200, {"ETag": f'"{mark}"', "X-Repo-Commit": COMMIT}, content


def _refused(kind: str) -> tuple[int, dict[str, str], bytes]:
    status, code = REFUSALS[kind]
    return status, {"X-Error-Code": code} if code else {}, b""


@contextmanager
def serving(models: Mapping[str, Path | str]) -> Iterator[Hub]:
    """A hub that answers while this lasts; ``HF_ENDPOINT`` is to be its ``url``."""
    hub = Hub(models)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply(body=True)

        def do_HEAD(self):
            self._reply(body=False)

        def _reply(self, body: bool):
            status, headers, content = hub.answer(self.path)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
