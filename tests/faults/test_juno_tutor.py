"""A tutor that fails in every way: the student gets one clear sentence with a reference that is in the logs too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import chat_files
import pytest
from containers import Notebook, Stand, Tutor
from dialogue import answered
from students import Messages
from under_load import guest, in_mode

BUSY = "Too many questions are being asked right now."
BROKEN = "Something went wrong while I was looking for an answer."
SLOW = "I could not get an answer in time."
DOWN = "I cannot reach the tutor at the moment."
REFUSED = "The tutor did not accept this question."

FAILURES: dict[str, tuple[dict[str, Any], str, int]] = {
    "500": ({"status": 500}, BROKEN, 2),
    "503": ({"status": 503}, DOWN, 2),
    "504": ({"status": 504}, SLOW, 1),
    "429": ({"status": 429, "retry_after": "1"}, BUSY, 2),
    "429 for an hour": ({"status": 429, "retry_after": "3600"}, BUSY, 1),
    "422": ({"status": 422}, REFUSED, 1),
    "a page": ({"garbage": "html"}, BROKEN, 2),
    "other JSON": ({"garbage": "json"}, BROKEN, 2),
    "binary": ({"garbage": "binary"}, BROKEN, 2),
    "nothing": ({"garbage": "empty"}, BROKEN, 2),
    "an empty answer": ({"answer": " "}, BROKEN, 2),
    "it is too slow": ({"delay": 4}, SLOW, 1),
    "it hangs up": ({"refuse": True}, BROKEN, 2),
    "it stops in the middle": ({"cut_after": 2, "pause": 0.2}, BROKEN, 2),
    "an error in the middle": ({"error_after": 2, "pause": 0.2}, BROKEN, 2),
}
"""What the tutor does, what the student reads, how often the tutor is asked (TUTOR_RETRIES=1)."""


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor) -> Notebook:
    started = in_mode(place, "room", TUTOR_TIMEOUT="2", TUTOR_RETRIES="1")
    chat_files.put(started, "chats/tutor.chat", chat_files.EMPTY)
    return started


@pytest.fixture(autouse=True)
def well_again(tutor: Tutor) -> Iterator[None]:
    tutor.told()
    tutor.forget()
    yield


def reply_to(messages: Messages, question: str) -> dict[str, Any] | None:
    """The finished answer to a question."""
    for message in messages:
        juno = (message.get("metadata") or {}).get("juno", {})
        if juno.get("to") == question and juno["state"] != "writing":
            return message
    return None


def ask(notebook: Notebook, *texts: str) -> list[dict[str, Any]]:
    """Let a student ask one question after the other; the answers."""

    async def scene() -> list[dict[str, Any]]:
        replies = []
        async with guest(notebook, "chats/tutor.chat", "room", "ann") as ann:
            for text in texts:
                asked = await ann.say(text)
                await ann.wait_for(lambda found, asked=asked: reply_to(found, asked), 20)  # type: ignore[misc]
                replies.append(reply_to(ann.messages(), asked) or {})
            await asyncio.sleep(0.3)
            assert max(answered(ann.messages()).values()) == 1
        return replies

    return asyncio.run(scene())


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_sentence_with_a_reference_and_the_next_question_is_answered(
    notebook: Notebook, tutor: Tutor, failure: str
) -> None:
    behaviour, sentence, times = FAILURES[failure]
    tutor.told(when={f"<{failure}>": behaviour})
    failed, fine = ask(notebook, f"what about <{failure}>?", "and now?")
    body = failed["body"]
    reference = re.fullmatch(re.escape(sentence) + r" Please ask .*\. \(ref ([0-9a-f]{8})\)", body)
    assert reference, body
    assert "\n" not in body
    assert failed["metadata"]["juno"]["state"] == "failed"
    log = [line for line in notebook.logs().splitlines() if f"(ref {reference[1]})" in line]
    assert [line for line in log if " ERROR chat_interact: no answer from the tutor: " in line], log
    asked = [entry for entry in tutor.asked() if failure in entry["body"]["message_text"]]
    assert [entry["request_id"] for entry in asked] == [reference[1]] * times
    assert fine["body"] == "You said: and now?"
    tutor.told()


@pytest.mark.parametrize("behaviour", [{"status": 500}, {"status": 429, "retry_after": "1"}], ids=["500", "429"])
def test_a_failure_that_passes_is_not_shown(notebook: Notebook, tutor: Tutor, behaviour: dict[str, Any]) -> None:
    tutor.told(fail_first=1, **behaviour)
    before = notebook.status()["retried"]
    assert [reply["body"] for reply in ask(notebook, "are you well?")] == ["You said: are you well?"]
    assert len(tutor.asked()) == 2
    assert notebook.status()["retried"] == before + 1


def test_an_answer_that_was_cut_off_is_replaced_by_a_whole_one(notebook: Notebook, tutor: Tutor) -> None:
    async def scene() -> None:
        async with guest(notebook, "chats/tutor.chat", "room", "ann") as ann:
            asked = await ann.say("tell me more")
            await ann.wait_for(lambda found: [one for one in found[-1:] if one["body"].startswith("You said:")], 10)
            half = ann.messages()[-1]
            tutor.told(answer="You said: {text}, and I say this", pause=0.1)
            await ann.wait_for(lambda found: reply_to(found, asked), 15)
            whole = reply_to(ann.messages(), asked) or {}
            assert whole["id"] == half["id"]
            assert (whole["body"], whole["metadata"]["juno"]["state"]) == (
                "You said: tell me more, and I say this",
                "done",
            )

    tutor.told(answer="You said: {text}, and I say that", cut_after=2, pause=0.4)
    asyncio.run(scene())


def test_a_tutor_that_is_down_is_said_so_and_noticed_when_it_is_back(notebook: Notebook, tutor: Tutor) -> None:
    tutor.stop(timeout=1)
    body = ask(notebook, "is anybody there?")[0]["body"]
    assert body.startswith(DOWN), body
    assert body[-13:-1] in (notebook.status()["tutor"]["last_error"] or "")
    tutor.container.start()
    tutor.wait_ready()
    assert ask(notebook, "and now?")[0]["body"] == "You said: and now?"
    assert notebook.status()["tutor"]["last_error"] is None
