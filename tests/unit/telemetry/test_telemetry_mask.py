"""What looks like a secret is stars, at the same length; ordinary course code stays; nobody can make it slow."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jelai_telemetry.mask import mask, mask_lines, mask_value, may_hold_secrets

from process_logs.cells import apply

HEX = "0123456789abcdef0123456789abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
KEY = "RSA PRIVATE KEY-----"
PEM = f"-----BEGIN {KEY}\nProc-Type: 4,ENCRYPTED\n\nMIIEpAIBAAKC{HEX}\nabc==\n-----END {KEY}"

SECRETS = [
    ('api_key = "{}"', "abcdef"),
    ("openai.api_key='{}'", "sk-proj-abcdefghij0123456789"),
    ('os.environ["OPENAI_API_KEY"] = "{}"', "abc123"),
    ('os.environ.setdefault("MY_TOKEN", "{}")', "abcdEFGH12345678"),
    ("%env OPENAI_API_KEY={}", "abcdef123456"),
    ("api_key: {}", "abcdef123456"),
    ('KEY = "{}"', HEX),
    ("password: {}", "hunter2"),
    ("password: {}", "swordfish"),
    ('password: str = "{}"', "hunter2"),
    ('password = """{}"""', "hunter 2"),
    ('password: password="{}"', "hunter2"),
    ("PASSWORD={}", "hunter"),
    ("export DB_PASSWORD={}", "hunter2"),
    ("DB_PASS={}", "hunter22"),
    ('d = {{\\"password\\": \\"{}\\"}}', "hunter2"),
    ('if password == "{}":', "open sesame"),
    ('connect(host="h", password="{}")', "pä🐍ss"),
    ("!mysql -u x --password={}", "hunter2"),
    ("!hub login --password {} --user x", "hunter2"),
    ("Authorization: Bearer {}", "abc.def.1234"),
    ('headers = {{"Authorization": "token {}"}}', HEX),
    ("Authorization: Basic {}", "dXNlcjpwYXNzd29yZA=="),
    ("aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("'JUPYTERHUB_API_TOKEN': '{}'", HEX),
    ("JUPYTERHUB_API_TOKEN={}", HEX),
    ("http://127.0.0.1:8888/lab?token={}&x=1", HEX),
    ("clientSecret: '{}'", "abcdef12"),
    ("postgresql://user:{}@db:5432/x", "hunter2"),
    ("login({})", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz"),
    ("login({})", "ghp_0123456789abcdefghijABCDEFGHIJ"),
    ("login({})", "github_pat_11ABCDEFG0123456789abc"),
    ("login({})", "AKIAIOSFODNN7EXAMPLE"),
    ("login({})", "xoxb-123456789012-abcdef"),
    ("login({})", JWT),
]

ORDINARY = """\
token = tokens[0]
token = "the"
token: Token
token 0 is the first
eos_token = "</s>"
max_tokens = 4096
tokenizer = "bert-base-uncased"
key = lambda x: x[1]
key = "session_state_counter_1"
primary_key = "customer_id_2024"
for key in d:
sorted(d, key=len)
df.sort_values(key=lambda c: c.str.lower())
def f(key=None, token=0): ...
assert key in d and token != "x"
KeyError: 'name'
password = input()
password = getpass.getpass("Password: ")
password = input("Password: ") + "abc"
password = os.environ["PASSWORD"]
password = ""
password = None
password: str | None = None
len(password) >= 8
print("password:", pw, "x")
def login(user: str, password: str) -> None:
f(password=password, token=my_token)
d = {"password": password, "key": value}
columns = ["user", "password", "email"]
PWD=/home/jovyan/work1
secret_number = 42
secret = random.randint(1, 10)
secret = "banana"
url = "https://host/data/d41d8cd98f00b204e9800998ecf8427e.csv?md5=d41d8cd98f00b204e9800998ecf8427e"
url = "https://docs.google.com/spreadsheets?key=0Ak1ecr7i0wotdGJmTURJRnZLYlV3M2daNTRubTdwTXc"
f"postgresql://{user}:{password}@db/x"
http://localhost:8888/tree
sk-estimator-id-12 sk-toggleable__label-arrow-container
hf_hub_download("a/b")
task-force-management-system-2024
Bearer of the long responsibilities
""".splitlines()


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(("code", "secret"), SECRETS)
def test_a_secret_is_stars_and_what_is_around_it_stays(code: str, secret: str) -> None:
    assert mask(code.format(secret)) == code.format("*" * units(secret))
    assert may_hold_secrets(code.format(secret))


@pytest.mark.parametrize("code", ORDINARY)
def test_ordinary_code_stays(code: str) -> None:
    assert mask(code) == code


def test_a_private_key_over_many_lines_is_masked_as_text_and_as_a_list_of_lines() -> None:
    lines = ["x = '''", *PEM.split("\n"), "'''", "y = 1"]
    masked = mask("\n".join(lines))
    assert [HEX in masked, "abc==" in masked, masked.endswith("\ny = 1")] == [False, False, True]
    assert mask_lines(lines) == masked.split("\n")
    with_ends = [f"{line}\n" for line in lines]  # as notebook files have them
    assert "".join(mask_lines(with_ends)) == f"{masked}\n"


def test_a_private_key_without_its_end_is_masked_as_far_as_it_looks_like_one() -> None:
    masked = mask(f'k = "-----BEGIN PRIVATE KEY-----\\n{HEX}\\n{HEX}" # the rest of the cell')
    assert HEX not in masked and masked.endswith(" # the rest of the cell")


def test_code_that_looks_for_a_private_key_stays() -> None:
    code = f'if "-----BEGIN {KEY}" in text:\n    key = text.split("-----END {KEY}")[0]'
    assert mask(code) == code


def test_every_text_of_a_record_is_masked_wherever_it_is() -> None:
    record = {
        "doc": PEM.split("\n"),
        "changes": [3, [0, "a", 'password = "hunter2"'], [2]],
        "selection": f"login('{JWT}')",
        "cells": [{"source": "x = 1", "outputs": [{"text": [f"TOKEN={HEX}\n", "ok\n"]}]}],
        "apiKey": "abc",
        "index": 3,
    }
    masked = mask_value(record)
    assert masked["changes"] == [3, [0, "a", 'password = "*******"'], [2]]
    assert masked["cells"][0]["outputs"][0]["text"] == [f"TOKEN={'*' * 32}\n", "ok\n"]
    assert (masked["apiKey"], masked["index"], len(masked["doc"])) == ("***", 3, len(record["doc"]))  # type: ignore[arg-type]
    assert all(secret not in str(masked) for secret in (HEX, JWT, "abc=="))


pieces = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [code.format(secret) for code, secret in SECRETS] + [PEM, "\n", "🐍", "password = ", '"', "'", "\\"]
    ),
)
texts = st.lists(pieces, max_size=8).map("".join)


@given(texts)
@example("password=''🐍'")
def test_a_text_keeps_its_length_and_its_lines_and_is_not_masked_any_further(text: str) -> None:
    masked = mask(text)
    assert [units(line) for line in masked.split("\n")] == [units(line) for line in text.split("\n")]
    assert mask(masked) == masked
    assert mask_lines(text.split("\n")) == masked.split("\n")
    assert may_hold_secrets(text) or masked == text


@given(st.data())
def test_edits_fit_a_masked_text_as_they_fit_the_one_that_the_student_sees(data: st.DataObject) -> None:
    """The page tells a cell's text once and then each edit; all of them are masked, each by itself."""
    seen = data.draw(texts)
    told = mask(seen)
    for _ in range(4):
        wide = seen.encode("utf-16-le", "surrogatepass")
        begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(wide) // 2)] * 2)))
        new = data.draw(texts)
        changes: list[Any] = [begin, [end - begin, *new.split("\n")] if new else [end - begin], len(wide) // 2 - end]
        seen, told = apply(seen, changes), apply(told, mask_value(changes))
        assert units(told) == units(seen)


HOSTILE = [
    *('password="', "password=", "password: ", "key='key=\"", 'token=\\"', 'key="""', "key='''\"", 'key = "\\', "--a-"),
    *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n-----END", "eyJ", "eyJaaaaaaaaa.", "sk-", "://a:b"),
    *("://:b@", "authorization: ", "bearer aaaaaaaaaaaaa ", "--token aaaaaaa ", "xoxb-", "A", " ", "pass", '"\\\\'),
    *('password="🐍" ', 'password="' + "x" * 3990 + "\n", "token , '", "key=" + "x" * 199 + " "),
]


@pytest.mark.parametrize("part", HOSTILE, ids=lambda part: repr(part)[:30])
def test_the_time_for_a_hostile_cell_is_bounded(part: str) -> None:
    text = (part * (1_000_000 // len(part) + 1))[:1_000_000]
    begin = time.thread_time()
    mask(text)
    assert time.thread_time() - begin < 6
