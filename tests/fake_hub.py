"""The little of a JupyterHub that a single-user server talks to, for tests: who somebody is, and that all is well.

python3 fake_hub.py        on port 8081; ada's token is `ada-token`, and so on
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = re.compile(r"(?:token|Bearer) ([a-z]+)-token")


def model(name: str) -> dict[str, object]:
    """What the hub says of a student's token."""
    scopes = [f"access:servers!server={name}/", f"read:users:name!user={name}", f"users:activity!user={name}"]
    known = {"kind": "user", "name": name, "admin": False, "groups": []}
    return {**known, "scopes": scopes, "session_id": None, "token_id": "a1"}


class Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/hub/api":
            self._answer(200, {"version": "6.1.1"})
        elif self.path.startswith("/hub/api/user") and (who := TOKEN.fullmatch(self.headers.get("Authorization", ""))):
            self._answer(200, model(who[1]))
        else:
            self._answer(403, {"message": "who are you?"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200, None)

    def _answer(self, status: int, what: object) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8081), Hub).serve_forever()
