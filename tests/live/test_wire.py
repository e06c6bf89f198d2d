from tests.live.wire import events


def test_only_a_line_feed_ends_a_line_of_a_stream() -> None:
    raw = 'data: {"text": "one\u2028two"}\n\ndata: {"delta": "\x85"}\n\ndata: [DONE]\n\n'
    assert events(raw) == [{"text": "one\u2028two"}, {"delta": "\x85"}]
