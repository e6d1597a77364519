"""Accounts that students make themselves and an administrator allows (NativeAuthenticator)."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable
from typing import Any
from urllib.parse import quote

import bcrypt
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import (
    AuthorizationAreaHandler,
    DiscardHandler,
    LoginHandler,
    ToggleAuthorizationHandler,
)
from nativeauthenticator.orm import UserInfo
from tornado.web import HTTPError
from traitlets import Unicode

LINK = re.compile(r'(href="[^"]*/(?:authorize|discard)/)([^"]+)(?=")')


class NoTimer:
    """Takes the times that nobody reads."""

    def timer(self, name: str) -> NoTimer:
        return self

    def start(self) -> NoTimer:
        return self

    def stop(self, send: bool = True) -> None:
        """Forget it."""


class Login(LoginHandler):
    """The login page. NativeAuthenticator 1.3 uses what JupyterHub 6 no longer has, so each login was an error."""

    statsd = NoTimer()


class Accounts(AuthorizationAreaHandler):
    """The page on which an administrator lets people in. Its links carry the page's token."""

    def render_template(self, name: str, sync: bool = False, **given: Any) -> Any:
        page = super().render_template(name, sync, **given)
        return page if sync else self._with_token(page)  # an error's page is made at once

    async def _with_token(self, page: Awaitable[str]) -> str:
        token = self.xsrf_token.decode()
        return LINK.sub(lambda found: f"{found[1]}{quote(html.unescape(found[2]), safe='')}?_xsrf={token}", await page)


class Allow(ToggleAuthorizationHandler):
    """Lets somebody in or no more. It is a GET, so a student could send an administrator the link."""

    async def get(self, slug: str) -> None:
        from_our_page(self)
        await super().get(slug)


class Discard(DiscardHandler):
    """Deletes an account that was not let in; a GET as well."""

    async def get(self, user_name: str) -> None:
        from_our_page(self)
        await super().get(user_name)


def from_our_page(handler: Any) -> None:
    """Refuse a request that does not come from the page Accounts."""
    if handler.get_argument("_xsrf", "").encode() != handler.xsrf_token:
        raise HTTPError(403, "This link does not come from the page Authorize: use the buttons there")


HANDLERS = {
    LoginHandler: Login,
    AuthorizationAreaHandler: Accounts,
    ToggleAuthorizationHandler: Allow,
    DiscardHandler: Discard,
}


class NativeAccounts(NativeAuthenticator):
    """The administrators have accounts from the start: else whoever signs up first under such a name would be one."""

    admin_password = Unicode(config=True, help="The first password of each administrator's account.")

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        if self.admin_password:
            for name in sorted(self._administrators()):
                if self.get_user(name) is None:
                    password = bcrypt.hashpw(self.admin_password.encode(), bcrypt.gensalt())
                    self.db.add(UserInfo(username=name, password=password, is_authorized=True))
            self.db.commit()

    def _administrators(self) -> set[str]:
        """Their names as accounts have them: NativeAuthenticator compares without capitals."""
        return {self.normalize_username(name) for name in self.admin_users}

    def user_exists(self, username: str) -> bool:
        """Whether a name is taken. An administrator's always is, also when the account was deleted."""
        return self.normalize_username(username) in self._administrators() or bool(super().user_exists(username))

    def get_authed_users(self) -> set[str]:
        """Who has been let in. A name in allowed_users has not: whoever signs up under it first may be anybody."""
        return {account.username for account in UserInfo.all_users(self.db) if account.is_authorized}

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """The pages, some of them ours."""
        return [(path, HANDLERS.get(handler, handler)) for path, handler in super().get_handlers(app)]
