"""Answers health and lists the workers that have left a file in the data folder."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REGISTRY = Path(os.environ["PAR_DATA_DIR"]) / "registry"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        workers = [{"worker_id": file.name, "status": "online"} for file in REGISTRY.glob("*")]
        answer = {"/v1/health/ready": {"status": "ok"}, "/v1/workers": {"items": workers, "next_cursor": None}}
        body = json.dumps(answer[self.path.partition("?")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


ThreadingHTTPServer((os.environ["PAR_HOST"], int(os.environ["PAR_PORT"])), Handler).serve_forever()
