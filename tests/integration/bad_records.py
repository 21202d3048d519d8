"""Records as they must not be, and alerts as they may be: what each is, and the reason its dead letter gives."""
MARK = "x-mark"  # a header of our own, by which a record is known again
MEBIBYTE = 1 << 20


def _with(headers, **changed):
    """The headers with other values; None takes one away."""
    changed = {name.replace("_", "-") if name == "content_type" else name: value for name, value in changed.items()}
    return [(name, changed.get(name, value)) for name, value in headers if changed.get(name, value) is not None]


def _later(model, by):
    """The headers of an event that comes so much after the model, with an id of its own."""
    version = int(model.header("ce_sequence")) + by
    return _with(model.headers, ce_sequence=f"{version:020d}", ce_id=f"forged-{by}")


def _value(model):
    return model.value.encode("latin-1")


# (name, reason, how to make (value, key, headers) of a good record)
BAD_EVENTS = [
    ("undecodable payload, next version", "BAD_PAYLOAD", lambda m: (b"\xff\xfe garbage \x00", m.key, _later(m, 1))),
    ("undecodable payload, far version", "BAD_PAYLOAD", lambda m: (b"\xff\xfe garbage \x00", m.key, _later(m, 7))),
    ("undecodable payload, old version", "BAD_PAYLOAD", lambda m: (b"\xff\xff", m.key, _later(m, 0))),
    ("unknown type", "UNKNOWN_TYPE", lambda m: (_value(m), m.key, _with(_later(m, 2), ce_type="io.example.no.v1"))),
    ("missing header", "MISSING_HEADER", lambda m: (_value(m), m.key, _with(m.headers, ce_id=None))),
    ("unknown content type", "UNSUPPORTED_CONTENT_TYPE",
     lambda m: (_value(m), m.key, _with(m.headers, content_type="application/x-what"))),
    ("empty key", "EMPTY_KEY", lambda m: (_value(m), "", list(m.headers))),
    ("no key", "EMPTY_KEY", lambda m: (_value(m), None, list(m.headers))),
    ("a mebibyte", "BAD_PAYLOAD", lambda m: (b"\xff" * MEBIBYTE, m.key, _later(m, 3))),
    ("repeated header", "REPEATED_HEADER", lambda m: (_value(m), m.key, [*m.headers, ("ce_id", "again")])),
    ("no headers", "MISSING_HEADER", lambda m: (_value(m), m.key, [])),
]

# (key, headers) under which an alert is taken
GOOD_ALERTS = [(None, []), ("any key", []), ("\xff\x01 odd", [("x", "y")]), (None, [("content-type", "text/plain")]),
               ("", [("n", None), ("x", "1"), ("x", "2")])]

# (name, reason, value, key, headers)
BAD_ALERTS = [
    ("garbage", "MALFORMED_JSON", b"\xff\x00 garbage", "k", []),
    ("garbage without a key", "MALFORMED_JSON", b"{", None, []),
    ("another document", "NO_ALERT", b'{"hello": "world"}', "k", [("x", "y")]),
    ("an array of something else", "WRONG_TYPE", b"[1, 2]", None, []),
    ("unknown content type", "UNSUPPORTED_CONTENT_TYPE", b"<alert/>", "k", [("content-type", "application/xml")]),
    ("a mebibyte of it", "MALFORMED_JSON", b"x" * MEBIBYTE, "k", []),
]
