"""Replaces what looks like a token, a key or a password by stars. Pure, and light to import.

A text keeps its length in UTF-16 units and its line breaks, so that edits that a page told for it still fit. What is
typed letter by letter cannot be seen here: no single change holds it.

Each kind of secret has words without which it cannot be there; its expression is tried only where one of them is. No
expression can try the same text again and again: each begins where a word begins and goes on to the end of a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

VALUE = (  # what follows a name: `"] = "…`, `: str = '…`, `=…`, and `, "…` in a call
    r"\d{0,2}(?![A-Za-z0-9])(?P<closed>\\?[\"']\]?)?[ \t]{0,20}"
    r"(?P<sep>:[ \t]{0,4}(?:str|bytes|str \| None|Optional\[str\])[ \t]{0,4}=|={1,3}>?|:=?|!=|,(?=[ \t]{0,20}[\"']))"
    r"(?P<space>[ \t]{0,20})"
    r"(?:(?P<prefix>[bBfFrRuU]{0,2})(?P<quote>\\?(?:\"\"\"|'''|[\"']))"
    r"(?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\\\n])){0,4000})(?P=quote)"
    r"|(?P<bare>(?:[^\s\"'`,;<>()\[\]{}\\&]|&(?!\w{1,40}=)){1,200}))"
)
PASSWORDS = r"pass(?:w(?:or[dt]|d)|phrase|code)|pwd"
OWNERS = r"(?:api|access|app|auth|bearer|client|consumer|hub|oauth|private|refresh|secret|signing)[_-]?"
"""`api_key` and `access_token` are secrets whatever they hold; a `token` or a `key` alone may be a word's."""

PASSWORD = re.compile(PASSWORDS, re.IGNORECASE)
OWNER = re.compile(rf"{OWNERS}$", re.IGNORECASE)
SECRET_FIELD = re.compile(rf"(?:{PASSWORDS}|{OWNERS}(?:key|token|secret))$", re.IGNORECASE)
TYPES = frozenset(
    {"str", "bytes", "int", "float", "bool", "object", "Any", "None", "True", "False", "null", "SecretStr"}
)
VARIABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
HEX = re.compile(r"[0-9a-fA-F]{16,}")
ENDS_LINE = frozenset({"", "\n", "\r"})


def mask(text: str) -> str:
    """Return the text with what looks like a secret replaced by as many stars."""
    low = text.lower()
    for words, expression, masked in KINDS:
        if any(word in low for word in words):
            text = _replace(text, expression, masked)
    return text


def mask_lines(lines: Iterable[str]) -> list[str]:
    """Return the lines of one text, masked as one: a private key goes over many of them."""
    lines = list(lines)
    text = "\n".join(lines)
    masked = mask(text)
    if masked == text:
        return lines
    parts = iter(masked.split("\n"))
    return ["\n".join(next(parts) for _ in range(line.count("\n") + 1)) for line in lines]


def mask_value(value: Any) -> Any:
    """Return a JSON value with all its texts masked; the texts of one list are the lines of one text."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        texts = iter(mask_lines(one for one in value if isinstance(one, str)))
        return [next(texts) if isinstance(one, str) else mask_value(one) for one in value]
    if isinstance(value, dict):
        return {key: _field(key, one) for key, one in value.items()}
    return value


def may_hold_secrets(text: str) -> bool:
    """Tell whether `mask` might change this text, or one that is a part of it. Cheap."""
    low = text.lower()
    return any([word in low for word in WORDS])  # noqa: C419  a generator takes longer than it saves


def _field(name: str, value: Any) -> Any:
    return _stars(value) if isinstance(value, str) and SECRET_FIELD.search(name) else mask_value(value)


def _stars(text: str) -> str:
    if text.isascii() and "\n" not in text:
        return "*" * len(text)
    return "".join("\n" if one == "\n" else "**" if one > "\uffff" else "*" for one in text)


def _replace(text: str, expression: str, is_secret: Callable[[re.Match[str]], bool]) -> str:
    """Replace the last group of each match that is a secret; one that is none may hide another behind its name."""
    search = re.compile(expression).search  # at the first use only: `re` remembers it, and most processes need few
    done: list[str] = []
    begin = position = 0
    while found := search(text, position):
        group = found.lastgroup or 1
        position = found.end()
        if is_secret(found):
            done += text[begin : found.start(group)], _stars(found[group])
            begin = found.end(group)
        elif group != 1:
            position = found.end("name")
    return "".join((*done, text[begin:])) if done else text


def _always(_: re.Match[str]) -> bool:
    return True


def _is_key(found: re.Match[str]) -> bool:
    """Code that looks for a private key has something else between the marks."""
    return re.search(r"[A-Za-z0-9+/=]{24}", found[1]) is not None


def _no_words(found: re.Match[str]) -> bool:
    """Words with dashes between them have no digits and no capitals in the middle."""
    value = found[1]
    return any(map(str.isdigit, value)) or (len(value) >= 12 and value[1:] != value[1:].lower())


def _no_variable(found: re.Match[str]) -> bool:
    """`{password}`, `$PASSWORD` and `<password>` stand for a password and are none."""
    return found[1][0] not in "{$<%"


def _named(found: re.Match[str]) -> bool:
    """A value with a name in front of it: both, and how it is written, decide whether it is a secret."""
    name = found["name"].lower()
    before = found.string[max(0, found.start() - 12) : found.start()]
    if (quoted := found["quoted"]) is not None:
        return _is_quoted_secret(found, name, before, quoted)
    value, after = found["bare"], found.string[found.end() : found.end() + 1]
    if after in {"(", "["} or value in TYPES or value[0] in "=$%*":
        return False
    if VARIABLE.fullmatch(value) and (SECRET_FIELD.search(value) or "." in value or value.lower().endswith(name)):
        return False
    return _is_bare_secret(found, name, before, value, after)


def _is_quoted_secret(found: re.Match[str], name: str, before: str, value: str) -> bool:
    if not value or value[0] in " \t),.;%+]}:" or ("f" in found["prefix"].lower() and "{" in value):
        return False  # the quote was a string's end: `input("password: ")`
    if found["sep"] == ",":
        return _is_random(value, 16)
    if PASSWORD.fullmatch(name):
        return name != "pwd" or value[0] not in "/~."
    if OWNER.search(before):
        return len(value) >= 6 and " " not in value
    if name == "key":
        return _is_random(value, 20)
    return _is_random(value, 12) or _has_digit(value, 6 if name == "_pass" else 16)


def _is_bare_secret(found: re.Match[str], name: str, before: str, value: str, after: str) -> bool:
    """No quotes: a setting (`TOKEN=…`, `password: …`), or code, where another variable or an expression follows."""
    sep, spaced = found["sep"], bool(found["space"])
    if PASSWORD.fullmatch(name):
        if name == "pwd" and value[0] in "/~.":
            return False
        if ":" in sep:
            return _has_digit(value, 6) or (after in ENDS_LINE and not found["closed"])
        if spaced:
            return after in ENDS_LINE and _has_digit(value, 6)
        return found["name"].isupper() or (after not in {")", ","} and _has_digit(value, 6))
    if name == "_pass" or OWNER.search(before):
        return _has_digit(value, 8) and (not spaced or ":" in sep or _is_random(value, 16))
    if name == "key" and before[-1:] in {"", "?", "&", " ", "\t", "\n", "(", ","}:
        return False  # `sort(key=…)`, and what the address of a dataset asks for
    return _is_random(value, 20 if name == "key" else 16)


def _has_digit(value: str, least: int) -> bool:
    return len(value) >= least and " " not in value and any(map(str.isdigit, value))


def _is_random(value: str, least: int) -> bool:
    """Tell whether a machine made this value."""
    if not _has_digit(value, least) or not value.isascii():
        return False
    return HEX.fullmatch(value) is not None or (value != value.lower() and value != value.upper())


def _name(first: str, rest: str) -> str:
    # Beginning with a set, the expression skips quickly what it cannot be; "regardless of case" would look everywhere.
    return rf"(?P<name>[{first}{first.upper()}](?i:{rest})){VALUE}"


BEGIN = r"(?<![A-Za-z0-9_-])"
KINDS: tuple[tuple[tuple[str, ...], str, Callable[[re.Match[str]], bool]], ...] = (
    (
        ("private key-----", "private key block-----"),
        r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"((?:[^-]|-(?!----)){0,20000}(?=-----END)|(?:(?:\\n|[\s\"'+])*[A-Za-z0-9+/=]{16,})*)",
        _is_key,
    ),
    (("sk-",), BEGIN + r"(sk-[A-Za-z0-9_-]{20,})", _no_words),
    (("sk_", "rk_"), BEGIN + r"([sr]k_(?:live|test)_[A-Za-z0-9]{16,})", _always),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), BEGIN + r"(gh[pousr]_[A-Za-z0-9]{20,})", _always),
    (("github_pat_",), BEGIN + r"(github_pat_[A-Za-z0-9_]{20,})", _always),
    (("glpat-",), BEGIN + r"(glpat-[A-Za-z0-9_-]{16,})", _always),
    (("hf_",), BEGIN + r"(hf_[A-Za-z0-9]{20,})", _no_words),
    (("akia", "asia"), BEGIN + r"(A(?:KI|SI)A[0-9A-Z]{16})(?![A-Za-z0-9])", _always),
    (("aiza",), BEGIN + r"(AIza[0-9A-Za-z_-]{30,})", _always),
    (("xox",), BEGIN + r"(xox[abeoprs]-[A-Za-z0-9-]{10,})", _no_words),
    (("eyj",), BEGIN + r"(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)", _always),
    (("://",), r"://[^\s/:@\"'<>]{0,100}:([^\s/\"'<>]{1,200})@", _no_variable),
    (
        ("authorization",),
        r"[aA](?i:uthorization)\\?[\"']?\]?[ \t]{0,4}[:=][ \t]{0,4}[bfrBFR]{0,2}\\?[\"']?"
        r"(?:(?i:bearer|basic|token|apikey)[ \t]{1,4})?([^\s\"'{}<>$()\[\],\\]{6,2000})",
        _no_words,
    ),
    (("bearer",), r"[bB](?i:earer)[ \t]{1,4}([A-Za-z0-9._~+/=-]{12,2000})", _no_words),
    (
        ("--",),
        r"--(?:[a-z]{1,20}[-_]){0,3}(?:password|passwd|pass|token|secret|key)[ \t]{1,4}"
        r"([^\s\"'`,;<>()\[\]{}$]{6,500})",
        _no_words,
    ),
    (("passw", "passp", "passc"), _name("p", r"ass(?:w(?:or[dt]|d)|phrase|code)"), _named),
    (("pwd",), _name("p", "wd"), _named),
    (("_pass",), _name("_", "pass"), _named),
    (("token",), _name("t", "oken"), _named),
    (("secret",), _name("s", "ecret"), _named),
    (("key",), _name("k", "ey"), _named),
)
WORDS = tuple(word for words, _, _ in KINDS for word in words)
