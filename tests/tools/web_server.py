"""Pages of this machine, good and bad, from a server in a thread."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Page = Callable[["Handler"], None]


@dataclass
class WebServer:
    """`pages` by path; `requests` has what was asked."""

    address: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    def serve(self, path: str, body: bytes, kind: str = "text/html; charset=utf-8", status: int = 200) -> str:
        """A page; gives its address."""

        def page(handler: Handler) -> None:
            handler.answer(status, body, {"Content-Type": kind})

        return self.serve_by(path, page)

    def serve_by(self, path: str, page: Page) -> str:
        """A page that answers by itself; gives its address."""
        self.pages[path] = page
        return self.address + path


class Handler(BaseHTTPRequestHandler):
    """Looks the page up."""

    protocol_version = "HTTP/1.1"
    web: WebServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _serve(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        self.web.requests.append((self.path, body))
        page = self.web.pages.get(path)
        if page is None:
            self.answer(404, b"nothing", {"Content-Type": "text/plain"})
        else:
            page(self)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def bomb(handler: Handler) -> None:
    """A megabyte that unpacks to a gigabyte."""
    part = gzip.compress(bytes(10_000_000))
    handler.send_response(200)
    for name, value in {"Content-Type": "text/plain", "Content-Encoding": "gzip", "Connection": "close"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(part)


@contextmanager
def running_web_server() -> Iterator[WebServer]:
    """A server on loopback."""
    web = WebServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"web": web}))
    server.daemon_threads = True
    web.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
