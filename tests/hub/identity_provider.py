"""A simulated identity provider that speaks the real protocols: OpenID Connect's authorisation code flow with PKCE, and
an LTI 1.3 platform's launch. Tokens are signed (RS256) by a key that its JWKS shows. Who sits at the browser is
`person`; everything that a hub must check can be spoilt.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "jelai", "client-secret-that-nobody-may-see"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim"
Answer = tuple[int, dict[str, str], str]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider:
    """The provider at an address of this machine."""

    def __init__(self, address: str, certificate: Path, key: Path) -> None:
        self.person = "ada"
        self.spoilt: dict[str, Any] = {}
        self.key, self.forger = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.server = ThreadingHTTPServer((address, 0), type("Pages", (Pages,), {"provider": self}))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{address}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def signed(self, claims: dict[str, Any]) -> str:
        """A token of ours, or of somebody who only says so."""
        key = self.forger if self.spoilt.get("key") else self.key
        head = json.dumps({"alg": "RS256", "typ": "JWT", "kid": "one"})
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "sub": f"id-{self.person}"} | claims
        body = f"{encoded(head.encode())}.{encoded(json.dumps(claims).encode())}"
        return f"{body}.{encoded(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def jwks(self, given: dict[str, str], token: str) -> Answer:
        public = self.key.public_key().public_numbers()
        one = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": number(public.n), "e": number(public.e)}
        return told({"keys": [one]})

    def authorize(self, given: dict[str, str], token: str) -> Answer:
        """The person agrees; the browser goes back with a code."""
        if given.get("client_id") != CLIENT or given.get("response_type") != "code":
            return told({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe()
        self.codes[code] = given | {"person": self.person}
        back = urlencode({"code": code, "state": given["state"]})
        return 302, {"Location": f"{given['redirect_uri']}?{back}"}, ""

    def token(self, given: dict[str, str], token: str) -> Answer:
        """The hub changes the code for a token; each code once, by who asked for it and knows the secret."""
        asked = self.codes.pop(given.get("code", ""), {})
        proof = encoded(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        known = (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)
        if not known or not asked or asked["redirect_uri"] != given.get("redirect_uri"):
            return told({"error": "invalid_grant"}, 400)
        if asked.get("code_challenge_method") != "S256" or asked["code_challenge"] != proof:
            return told({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        access = secrets.token_urlsafe()
        self.tokens[access] = asked["person"]
        return told({"access_token": access, "token_type": "Bearer", "id_token": self.signed({})})

    def userinfo(self, given: dict[str, str], token: str) -> Answer:
        person = self.tokens.get(token.removeprefix("Bearer "))
        return told({"sub": f"id-{person}", "preferred_username": person} if person else {}, 200 if person else 401)

    def launch(self, given: dict[str, str], token: str) -> Answer:
        """The platform says who clicked the course's link: a form that the browser sends by itself."""
        if given.get("response_mode") != "form_post" or given.get("client_id") != CLIENT:
            return told({"error": "invalid_request"}, 400)
        claims: dict[str, Any] = {"nonce": given["nonce"], "email": f"{self.person}@uni.example"}
        claims |= {f"{CLAIM}/version": "1.3.0", f"{CLAIM}/deployment_id": "1", f"{CLAIM}/roles": []}
        claims |= {f"{CLAIM}/target_link_uri": "https://hub.example", f"{CLAIM}/resource_link": {"id": "link"}}
        claims |= {f"{CLAIM}/message_type": "LtiResourceLinkRequest"} | self.spoilt.get("claims", {})
        fields = {"id_token": self.signed(claims), "state": given["state"]}
        inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        return 200, {}, f'<form method="post" action="{html.escape(given["redirect_uri"])}">{inputs}</form>'


def told(content: dict[str, Any], status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content)


class Pages(BaseHTTPRequestHandler):
    """Each path is the method of the provider that has its name."""

    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.answer(parts.path, dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer(self.path, dict(parse_qsl(body)))

    def answer(self, path: str, given: dict[str, str]) -> None:
        names = ("jwks", "authorize", "token", "userinfo", "launch")
        name = path.strip("/")
        known = getattr(self.provider, name) if name in names else lambda *_: told({}, 404)
        status, headers, text = known(given, self.headers.get("Authorization", ""))
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(text.encode()))}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
