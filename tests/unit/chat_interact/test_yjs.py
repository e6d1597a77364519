"""The frames of a room: what we encode is what pycrdt's own peer understands, and the other way round."""

from __future__ import annotations

import pytest
from pycrdt import (
    Doc,
    Encoder,
    Map,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    write_var_uint,
)

from chat_interact.transports import yjs


def filled() -> Doc[Map[str]]:
    """Return a document with something in it."""
    doc: Doc[Map[str]] = Doc()
    doc["users"] = Map({"ada": "Ada"})
    return doc


def test_both_sides_end_with_the_same_document() -> None:
    server, mine = filled(), Doc[Map[str]]()
    answer = handle_sync_message(yjs.step1(mine.get_state())[1:], server)
    assert answer is not None
    frame = yjs.decode(answer)
    assert isinstance(frame, yjs.Update) and frame.first
    mine.apply_update(frame.data)
    assert mine.get("users", type=Map).to_py() == {"ada": "Ada"}

    asked = yjs.decode(create_sync_message(server))
    assert isinstance(asked, yjs.Step1)
    mine.get("users", type=Map)["bob"] = "Bob"
    handle_sync_message(yjs.step2(mine.get_update(asked.state))[1:], server)
    assert server.get("users", type=Map).to_py() == {"ada": "Ada", "bob": "Bob"}


def test_an_update_is_the_same_frame_in_both_directions() -> None:
    data = filled().get_update()
    assert yjs.update(data) == create_update_message(data)
    assert yjs.decode(yjs.update(data)) == yjs.Update(data, first=False)


def test_presence_is_the_same_frame_in_both_directions() -> None:
    assert yjs.presence(b"abc") == create_awareness_message(b"abc")
    assert yjs.decode(yjs.presence(b"abc")) == yjs.Presence(b"abc")


def test_a_save_request_is_what_the_server_reads() -> None:
    encoder = Encoder()
    encoder.write_var_uint(2)
    encoder.write_var_string("save")
    encoder.write_var_uint(300)
    assert yjs.save(300) == encoder.to_bytes()


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type": "save", "responseTo": 7, "status": "success"}', yjs.Saved(7, "success")),
        ('{"type": "conflict"}', yjs.Other(2, '{"type": "conflict"}')),
        ("no JSON ä", yjs.Other(2, "no JSON ä")),
    ],
)
def test_raw_frames_are_answers_to_saves_or_of_no_use(text: str, frame: yjs.Frame) -> None:
    data = text.encode()
    assert yjs.decode(b"\x02" + write_var_uint(len(data)) + data) == frame


def test_a_kind_of_frame_that_is_new_is_passed_over() -> None:
    assert yjs.decode(b"\x07abc") == yjs.Other(7)


@pytest.mark.parametrize("length", range(0, 12))
def test_a_frame_that_is_cut_off_is_never_taken_for_a_whole_one(length: int) -> None:
    whole = yjs.update(b"0123456789")
    assert len(whole) == 13
    with pytest.raises(yjs.BadFrame):
        yjs.decode(whole[:length])


def test_large_frames_keep_their_length() -> None:
    data = bytes(5_000_000)
    assert yjs.decode(yjs.update(data)) == yjs.Update(data, first=False)
