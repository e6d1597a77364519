"""Accounts that students make themselves and an administrator allows (NativeAuthenticator)."""

from __future__ import annotations

from typing import Any

import bcrypt
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import LoginHandler
from nativeauthenticator.orm import UserInfo
from traitlets import Unicode


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


class NativeAccounts(NativeAuthenticator):
    """The administrators have accounts from the start: else whoever signs up first under such a name would be one."""

    admin_password = Unicode(config=True, help="The first password of each administrator's account.")

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        if self.admin_password:
            for name in sorted(self.admin_users):
                if not self.user_exists(name):
                    password = bcrypt.hashpw(self.admin_password.encode(), bcrypt.gensalt())
                    self.db.add(UserInfo(username=name, password=password, is_authorized=True))
            self.db.commit()

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """The pages, with a login that works."""
        return [(path, Login if handler is LoginHandler else handler) for path, handler in super().get_handlers(app)]
