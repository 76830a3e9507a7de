"""Odd values for parameters: a table of those that have broken something somewhere, and texts made of their parts."""

from zlib import crc32

from hypothesis import strategies as st

Odd = str | list[str]  # a list: the parameter is there more than once

LONG = 2_000
TABLE: tuple[Odd, ...] = (
    # Numbers that no column has, or that only look like numbers.
    *("nan", "NaN", "-nan", "inf", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "-0.0", "1" + "0" * 400),
    *(str(2**31), str(2**63), str(-(2**63) - 1), str(2**64), "0x10", "1_000", "1,5", "1e5", "007", "+1", "١٢٣", "²"),
    *("9" * 5_000, "1" * 19 + "." + "1" * 400, "0." + "0" * 400 + "1", "sNaN", "true", "None", "null"),
    # Times outside of any calendar, and those that are only written oddly.
    *("0000-01-01", "0001-01-01T00:00:00+14:00", "0001-01-01", "9999-12-31T23:59:59-23:59", "10000-01-01"),
    *("infinity", "-infinity", "now", "epoch", "2026-02-30", "2026-13-01", "24:00", "2026-01-01T00:00:60Z"),
    *("2026-11-01T00:00:00 05:30", "2026-11-01T00:00:00+24:00", "1969-12-31T23:59:59Z", "2026-W53-7"),
    *("2026-01-01T00:00:00.9999999999Z", "-1", "0", "1762000000", "1762000000000", "10889-08-02T05:31:50Z"),
    # Texts that databases, encodings, patterns and templates stumble over.
    *("\x00", "a\x00b", "\ud800", "a\udfffb", "\ufeff", "\u202e", "\r\nX: y", "\x1b[31m", "\x7f", "\U0010ffff"),
    *("." * LONG, ":" * LONG, ":1", "a:", ":", ".:1", "a.b:1", "a..b:1", "." * LONG + ":1", "a." * LONG + "b:1"),
    *("a:" + "[" * LONG, 'a:{"b":' * 300 + "1" + "}" * 300, "a:1e400", "a:NaN", "a:\x00", "\x00:1", "a:\ud800"),
    *("'", '"', "''--", "\\", "\\\\", "%", "%%", "_", "%s", "%(a)s", "%00", "*", "(", "((((", "[", "]", "(?R)"),
    *("{}", "{0}", "{{7*7}}", "$", "$.a[*]", "a->>'b'", "@", "~", "~~~~", "a~b", "b~1~2", ",", ",,,,", "a,b,c", "-"),
    *("x" * 9_000, "é" * 4_000, "\U0001f600" * 2_000, " ", "\t", "\u3000", "/", "//", "../../etc", "http://", "?", "#"),
    # Keys and cursors.
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "{0}~{0}", "W10=", "bnVsbA=="),
    *("WzEsMl0=", "W2ZhbHNlLCAiXHUwMDAwIl0=", "W2ZhbHNlLCAiOTk5OTk5OTk5OTk5OTk5OTk5OTk5OSJd", "====", "é"),
    # There more than once.
    *(["", ""], ["1", "nan"], ["\x00", "7d"], ["1"] * 300),
)
_PARTS = ("\x00", "\ud800", ".", ":", "~", ",", "-", "%", "_", "'", '"', "\\", "[", "]", "{", "}", "(", ")", "$", "*", "+")
_WORDS = (*_PARTS, "1", "0", "9" * 20, "e400", "nan", "a", "ü", "T", "Z", "2026-01-01", "00:00", "\n", " ", "\u202e")


def odd_value(name: str) -> st.SearchStrategy[Odd]:
    """Odd values for a parameter; parameters begin at different rows of the table."""
    at = crc32(name.encode()) % len(TABLE)
    texts = st.lists(st.sampled_from(_WORDS) | st.text(max_size=5), max_size=12).map("".join)
    return st.sampled_from(TABLE[at:] + TABLE[:at]) | texts
