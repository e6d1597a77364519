"""What may go wrong on a host, under one name: every module catches EXPECTED and ends with the sentence of it."""

from __future__ import annotations

import errno


class Problem(Exception):
    """Something on a host is not as it must be. The message says what, where, and what to do."""


EXPECTED = (Problem, OSError)
FULL = (errno.ENOSPC, errno.EDQUOT)


def sentence(error: BaseException) -> str:
    """What an operator is told."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = str(error.filename) if error.filename else "a file on this host"
    hint = ": free some space there, then run this again" if error.errno in FULL else ""
    return f"{where} cannot be read or written ({error.strerror}){hint}"
