"""What a student in a room shows is the document, whichever way it changed: the measured answer times rely on it."""

from __future__ import annotations

from typing import Any

import pycrdt
from hypothesis import given
from hypothesis import strategies as st
from students import StudentRoom

kinds = st.sampled_from(["append", "append", "insert", "edit", "delete"])
changes = st.lists(st.tuples(kinds, st.integers(0, 99)), max_size=4)


@given(st.lists(changes, max_size=8))
def test_followed_changes_show_the_same_as_the_document_read_anew(transactions: list[Any]) -> None:
    student = StudentRoom("http://nowhere", "", "a.chat")
    array, made = student._messages, 0
    assert student.messages() == []
    for steps in transactions:
        with student.doc.transaction():
            for kind, where in steps:
                size, made = len(array), made + 1
                if kind == "append":
                    array.append(pycrdt.Map({"id": f"m{made}", "metadata": {"n": made}}))
                elif kind == "insert":
                    array.insert(where % (size + 1), pycrdt.Map({"id": f"m{made}"}))
                elif size and kind == "edit":
                    array[where % size]["body"] = f"edited {made}"
                elif size:
                    del array[where % size]
        assert student.messages() == array.to_py()
