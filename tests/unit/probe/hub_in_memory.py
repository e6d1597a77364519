"""A hub that is only answers: users with servers and tokens, as JupyterHub's API tells of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from probe.hub import MARK, Hub

API = "http://hub:8081/hub/api"
SCOPES = ["admin:users", "list:users", "read:servers", "tokens"]


@dataclass
class Users:
    """What the hub knows; `calls` is what it was asked. `refusals` are answers that it gives once, by call."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    calls: list[str] = field(default_factory=list)
    refusals: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)

    def add(self, name: str, *, marked: bool = True, **fields: Any) -> None:
        self.users[name] = {"name": name, "admin": False, "last_activity": "2020-01-01T00:00:00Z", "servers": {}}
        self.users[name] |= {"created": "2020-01-01T00:00:00.000000Z", "pending": None} | fields
        self.tokens[name] = [MARK] if marked else ["mine"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path.removeprefix('/hub/api')}"
        self.calls.append(call)
        if waiting := self.refusals.get(call):
            status, body = waiting.pop(0)
            return httpx.Response(status, json=body)
        match call.split("/"):
            case ["GET ", ""]:
                return httpx.Response(200, json={"version": "6.1.1"})
            case ["GET ", "user"]:
                return httpx.Response(200, json={"name": "probe", "scopes": self.scopes})
            case ["GET ", "users"]:
                first = int(request.url.params["offset"])
                return httpx.Response(200, json=list(self.users.values())[first : first + 2])
            case [method, "users", name]:
                return self._user(method.strip(), name)
            case [method, "users", name, "tokens"]:
                return self._tokens(method.strip(), name, request)
        return httpx.Response(404, json={"message": "Not Found"})

    def _user(self, method: str, name: str) -> httpx.Response:
        there = name in self.users
        if method == "POST":
            if there:
                return httpx.Response(409, json={"message": f"User {name} already exists"})
            self.add(name, marked=False)
            return httpx.Response(201, json=self.users[name])
        if not there:
            return httpx.Response(404, json={"message": "Not Found"})
        if method == "DELETE":
            del self.users[name]
            return httpx.Response(204)
        return httpx.Response(200, json=self.users[name])

    def _tokens(self, method: str, name: str, request: httpx.Request) -> httpx.Response:
        if method == "POST":
            self.tokens[name].append(json.loads(request.content)["note"])
            return httpx.Response(201, json={"token": "very-secret"})
        return httpx.Response(200, json={"api_tokens": [{"note": note} for note in self.tokens[name]]})

    def hub(self) -> Hub:
        """The probe's side of it."""
        hub = Hub(API, "secret")
        hub.client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return hub
