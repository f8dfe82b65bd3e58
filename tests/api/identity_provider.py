"""An identity provider in a thread: discovery, public keys, and tokens of every kind, good and forged."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "par-api"


class IdentityProvider:
    """Use in `with`. `keys` is what it publishes; `asked` are the paths it was asked for."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = [self._public(self.rsa, "RS256", "one")]
        self.asked: list[str] = []
        self.issuer = ""
        self.named_issuer = ""
        self._http: ThreadingHTTPServer | None = None

    def __enter__(self) -> "IdentityProvider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                named = provider.named_issuer or provider.issuer
                documents: dict[str, Any] = {
                    "/.well-known/openid-configuration": {"issuer": named, "jwks_uri": provider.issuer + "/keys"},
                    "/keys": {"keys": provider.keys},
                }
                body = json.dumps(documents[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._http.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token; None leaves one out."""
        now = int(time.time())
        good = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, "tenant": "default",
            "roles": ["viewer"],
        }  # fmt: skip
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, key: Any = None, algorithm: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
        """A signed token."""
        headers = {"kid": kid} if kid is not None else {}
        return jwt.encode(
            self.claims(**changes), self.rsa if key is None else key, algorithm=algorithm, headers=headers
        )

    def public_pem(self) -> bytes:
        """The public key as text, which a careless verifier takes for an HMAC secret."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.rsa.public_key().public_bytes(serialization.Encoding.PEM, form)

    def publish_ec(self) -> None:
        """Publish a second key, as a provider that rotates its keys does."""
        self.keys.append(self._public(self.ec, "ES256", "two"))

    @staticmethod
    def _public(key: Any, algorithm: str, kid: str) -> dict[str, Any]:
        made = jwt.get_algorithm_by_name(algorithm)
        entry: dict[str, Any] = json.loads(made.to_jwk(key.public_key()))
        return entry | {"kid": kid, "use": "sig", "alg": algorithm}
