"""The tutor's pure parts: material into passages, words of a question, history, prompt; mostly for any input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor import notes, page, prompt
from tutor.history import History, Turn
from tutor.index import Found, Index, query_words
from tutor.material import PASSAGE_CHARS, MaterialError, Passage, read
from tutor.settings import table


def passages(tmp_path: Path, name: str, content: str) -> list[Passage]:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    return read(file, name)


def test_a_heading_names_the_ones_above_it(tmp_path: Path) -> None:
    got = passages(tmp_path, "a.md", "# A\n\none\n\n## B\n\ntwo\n\n### C ###\n\nthree\n\n## D\n\nfour\n")
    assert [(item.heading, item.text) for item in got] == [
        ("A", "one"),
        ("A → B", "two"),
        ("A → B → C", "three"),
        ("A → D", "four"),
    ]


def test_a_comment_in_a_block_of_code_is_no_heading(tmp_path: Path) -> None:
    [only] = passages(tmp_path, "a.md", "# A\n\n```python\n# not a heading\nx = 1\n```\n")
    assert (only.heading, only.text) == ("A", "```python\n# not a heading\nx = 1\n```")


def test_a_file_without_a_heading_goes_by_its_name(tmp_path: Path) -> None:
    assert [item.heading for item in passages(tmp_path, "week1.txt", "hello\n")] == ["week1"]


def test_a_notebook_gives_text_and_code_but_never_a_solution_or_an_output(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Lists\n", "\n", "A list."], "metadata": {}},
        {"cell_type": "code", "source": "x = [1]", "metadata": {}, "outputs": [{"text": "secret output"}]},
        {"cell_type": "code", "source": "answer = 42", "metadata": {"tags": ["solution"]}},
        {"cell_type": "raw", "source": "raw", "metadata": {}},
    ]
    [only] = passages(tmp_path, "n.ipynb", json.dumps({"cells": cells}))
    assert (only.heading, only.text) == ("Lists", "A list.\n\n```python\nx = [1]\n```")


def test_a_web_page_is_read_without_its_scripts(tmp_path: Path) -> None:
    html = (
        "<title>T</title><h1>Loops</h1><script>evil()</script>"
        "<p>A <b>loop</b>\n repeats.</p><pre>for x in y:\n    pass</pre>"
    )
    [*_, only] = passages(tmp_path, "p.html", html)
    assert (only.heading, only.text) == ("Loops", "A loop repeats.\n\n```\nfor x in y:\n    pass\n```")


def test_a_program_is_cut_at_its_definitions(tmp_path: Path) -> None:
    got = passages(tmp_path, "p.py", 'import os\n\n\ndef first():\n    """Do it."""\n\n\nclass Second:\n    pass\n')
    assert [item.heading for item in got] == ["p", "first", "Second"]
    assert got[1].text == '```python\ndef first():\n    """Do it."""\n\n\n```'


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_bytes(b"x" * 5_000_001)
    with pytest.raises(MaterialError, match=r"big\.txt is larger than 5,000,000 bytes"):
        read(tmp_path / "big.txt", "big.txt")


markup = st.text(alphabet=st.sampled_from(list("#`~ab \n<>/!-[]{}\"':0é🐍")), max_size=3000)


@given(text=markup, kind=st.sampled_from([".md", ".html", ".py", ".txt"]))
@settings(deadline=None)
def test_any_text_becomes_passages_of_a_readable_length(
    tmp_path_factory: pytest.TempPathFactory, text: str, kind: str
) -> None:
    got = passages(tmp_path_factory.getbasetemp(), f"any{kind}", text)
    assert all(len(item.text) <= 2 * PASSAGE_CHARS + 20 and item.text.strip() for item in got)


@given(words=st.lists(st.text(alphabet="abcdefgh", min_size=3, max_size=8), min_size=1, max_size=400))
@settings(deadline=None)
def test_no_word_of_a_text_is_lost(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    text = "\n".join(" ".join(words[start : start + 7]) for start in range(0, len(words), 7))
    got = passages(tmp_path_factory.getbasetemp(), "words.md", text)
    assert " ".join(item.text for item in got).split() == words


@given(text=st.text(max_size=500))
def test_no_page_is_refused(text: str) -> None:
    page.markdown(text)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("material")
    (folder / "lists.md").write_text("# Lists\n\nA list holds values in an order.\n")
    built = Index(folder)
    assert built.refresh()
    assert not built.refresh()
    return built


@given(question=st.text(max_size=300))
@settings(deadline=None)
def test_any_question_can_be_searched_for(index: Index, question: str) -> None:
    index.search(question)
    notes.answer(index, question, question)


@given(question=st.text(max_size=2000))
def test_the_words_searched_for_are_few_distinct_and_free_of_syntax(question: str) -> None:
    words = query_words(question)
    assert len(words) == len(set(words)) <= 40
    assert not any(character in word for word in words for character in "\"'*()^:-+ \0")


def test_a_changed_file_replaces_what_was_known_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("apples and pears")
    own = Index(tmp_path)
    own.refresh()
    (tmp_path / "a.md").write_text("only bananas here")
    assert own.refresh()
    assert (own.search("apples"), [item.passage.text for item in own.search("bananas")]) == ([], ["only bananas here"])


def test_the_quietest_talk_is_forgotten_first_and_an_old_one_entirely() -> None:
    now = [0.0]
    history = History(talks=2, turns=2, chars=5, seconds=100, clock=lambda: now[0])
    for student in ("ada", "bob", "ada", "cy"):
        history.add(student, "f", "question", "answer")
    assert history.of("bob", "f") == []
    assert history.of("ada", "f") == [Turn("quest", "answe")] * 2
    history.add("ada", "f", "new", "new")
    assert history.of("ada", "f") == [Turn("quest", "answe"), Turn("new", "new")]
    now[0] = 101.0
    assert history.of("ada", "f") == []
    assert len(history) == 1


@given(
    question=st.text(max_size=4000),
    logs=st.text(max_size=4000),
    note=st.text(max_size=2000),
    turns=st.lists(st.tuples(st.text(max_size=900), st.text(max_size=900)), max_size=6),
    budget=st.integers(1000, 6000),
)
def test_a_prompt_keeps_to_its_budget_and_always_holds_the_question(
    question: str, logs: str, note: str, turns: list[tuple[str, str]], budget: int
) -> None:
    found = [Found(Passage("f.md", "H", note), 1)]
    messages = prompt.build(
        persona="p" * 100,
        question=question,
        logs=logs,
        file="f",
        found=found,
        turns=[Turn(*turn) for turn in turns],
        budget=budget,
    )
    overhead = 250  # the titles of the parts
    assert sum(len(message["content"]) for message in messages) <= budget + overhead
    assert [message["role"] for message in messages] == [
        "system",
        *["user", "assistant"] * ((len(messages) - 2) // 2),
        "user",
    ]
    if len(question) < 400:
        assert messages[-1]["content"].endswith(question)
    if len(messages) > 2:
        assert messages[-3]["content"] == turns[-1][0]


def test_the_last_error_is_found_in_text_and_in_nothing() -> None:
    text = "Executed cells with error (cell 1) - error: \x1b[31mKeyError\x1b[0m: 'x'; content: y"
    assert notes.last_error(text) == "KeyError: 'x'"
    assert notes.last_error(json.dumps({"error": "NameError: name 'x' is not defined"})).startswith(
        "NameError: name 'x'"
    )
    assert (notes.last_error(""), notes.last_error("all is well")) == ("", "")


def test_the_documentation_has_every_setting_as_the_program_knows_it() -> None:
    documented = Path(__file__).parents[3] / "docs" / "settings.md"
    assert table() in documented.read_text(), "copy what tutor.settings.table() returns into docs/settings.md"
