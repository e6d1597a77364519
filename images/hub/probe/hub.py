"""The hub's API as the service `probe` may use it: throw-away users come and go."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .report import Failed
from .web import Web, said

NEEDED = frozenset({"admin:users", "list:users", "read:servers", "tokens"})
"""Scopes without which a probe could not make its student, or not clean up."""

MARK = "throw-away student of the probe"
"""Note of a token that each throw-away user has. Nobody else has reason to give it: it tells them from students."""


class Hub(Web):
    """One hub."""

    def __init__(self, api: str, token: str) -> None:
        super().__init__("The hub", api, {"Authorization": f"token {token}"})

    async def version(self) -> str:
        """Which JupyterHub this is."""
        reply = await self.call("GET", "/")
        try:
            return str(reply.json()["version"])
        except (ValueError, KeyError, TypeError):
            raise Failed(f"What answers at {self.url} is no hub: {said(reply)}.") from None

    async def check_token(self) -> None:
        """Make sure that the token allows what a probe does."""
        reply = await self.call("GET", "/user")
        if reply.status_code in {401, 403}:
            raise Failed(f"The hub at {self.url} refuses the probe's token: {said(reply)}.")
        if lacking := NEEDED - set(self._read(reply, "whose token the probe has").get("scopes", ())):
            raise Failed(f"The probe's token is accepted by the hub, but lacks scopes: {', '.join(sorted(lacking))}.")

    async def create(self, name: str) -> None:
        """Make a user who was not there."""
        reply = await self.call("POST", f"/users/{quote(name)}")
        if reply.status_code == 409:
            raise Failed(f"The user {name} exists already and is not this probe's, so nothing was touched.")
        if reply.status_code != 201:
            raise Failed(f"The hub did not make the user {name}: {said(reply)}.")

    async def mark(self, name: str) -> None:
        """Give a user the mark of throw-away users: a token that opens nothing and that nobody has."""
        await self._token(name, {"note": MARK, "scopes": ["read:users:name!user"]})

    async def token_for(self, name: str, seconds: float) -> str:
        """Make a token with which a user does what they may do, for some seconds."""
        return str((await self._token(name, {"note": MARK, "expires_in": int(seconds)}))["token"])

    async def is_marked(self, name: str) -> bool:
        """Tell whether a user was made by a probe."""
        tokens = self._read(await self.call("GET", f"/users/{quote(name)}/tokens"), f"the tokens of {name}")
        return any(token.get("note") == MARK for token in tokens.get("api_tokens", ()))

    async def find(self, name: str) -> dict[str, Any] | None:
        """What the hub knows of a user; None when there is no such user."""
        reply = await self.call("GET", f"/users/{quote(name)}")
        return None if reply.status_code == 404 else self._read(reply, f"the user {name}")

    async def users(self) -> list[dict[str, Any]]:
        """All users."""
        found: list[dict[str, Any]] = []
        while True:
            reply = await self.call("GET", "/users", params={"offset": len(found), "limit": 200})
            if reply.status_code != 200 or not isinstance(page := reply.json(), list):
                raise Failed(f"The hub did not list its users: {said(reply)}.")
            if not page:
                return found
            found += page

    async def delete(self, name: str) -> str:
        """Delete a user, whose server is stopped first; what the hub has against it now, or nothing."""
        reply = await self.call("DELETE", f"/users/{quote(name)}")
        return "" if reply.status_code in {204, 404} else said(reply)

    async def _token(self, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
        reply = await self.call("POST", f"/users/{quote(name)}/tokens", json=wanted)
        made = self._read(reply, f"a token for {name}", 201)
        if "token" not in made:
            raise Failed(f"The hub made a token for {name} and did not say which.")
        return made

    def _read(self, reply: Any, what: str, expected: int = 200) -> dict[str, Any]:
        found = None
        if reply.status_code == expected:
            try:
                found = reply.json()
            except ValueError:
                found = None
        if not isinstance(found, dict):
            raise Failed(f"The hub did not give {what}: {said(reply)}.")
        return found
