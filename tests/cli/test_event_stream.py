"""The reader of `text/event-stream`, cut anywhere."""

from __future__ import annotations

import pytest

from agent_runtime.client.event_stream import EventStreamParser, ServerSentEvent


def _all(content: bytes, size: int) -> list[ServerSentEvent]:
    parser = EventStreamParser()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_events_are_the_same_however_the_bytes_arrive(size: int, line_end: str) -> None:
    lines = ["event: turn", "id: 7", 'data: {"text": "né 日本"}', "", ": ping", "", "data: a", "data: b", "", ": end"]
    content = line_end.join(lines).encode()

    assert _all(content, size) == [
        ServerSentEvent("turn", '{"text": "né 日本"}', "7"),
        ServerSentEvent("message", "a\nb", "7"),
    ]


def test_separators_of_unicode_do_not_end_a_line() -> None:
    content = 'data: "one\u2028two\x85three\x0bfour"\n\n'.encode()

    assert [event.data for event in _all(content, 5)] == ['"one\u2028two\x85three\x0bfour"']


def test_an_event_without_data_is_dropped_and_its_name_does_not_stay() -> None:
    assert _all(b"event: turn\n\ndata: x\n\n", 100) == [ServerSentEvent("message", "x", None)]


def test_an_unfinished_event_is_not_given() -> None:
    assert _all(b"data: x\n", 100) == []
