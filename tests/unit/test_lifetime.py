"""How long a copy is fresh, as the headers of its answer say (CIM 009 §6.3.16)."""

from __future__ import annotations

import pytest

from simpul.lifetime import lifetime_seconds

DATE = "Tue, 24 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, None),
    ({"cache-control": "public"}, None),
    ({"cache-control": "max-age=60"}, 60),
    ({"cache-control": 'public, max-age="60", must-revalidate'}, 60),
    ({"cache-control": "max-age=60, s-maxage=90"}, 90),
    ({"cache-control": "max-age=60", "age": "20"}, 40),
    ({"cache-control": "max-age=60", "age": "90"}, 0),
    ({"cache-control": "max-age=60", "age": "tua"}, 60),
    ({"cache-control": "no-store"}, 0),
    ({"cache-control": "no-cache, max-age=60"}, 0),
    ({"cache-control": "max-age=60", "expires": "0"}, 60),
    ({"expires": "Tue, 24 Nov 2026 10:01:00 GMT", "date": DATE}, 60),
    ({"expires": "Tue, 24 Nov 2026 09:00:00 GMT", "date": DATE}, 0),
    ({"expires": "0", "date": DATE}, 0),
    ({"expires": "Tue, 24 Nov 1970 10:01:00 GMT", "date": "entah"}, 0),
    ({"cache-control": "max-age=9999999999"}, 9_999_999_999),
])  # fmt: skip
def test_6_3_16_headers_say_how_long_a_copy_is_fresh(headers: dict[str, str], seconds: int | None) -> None:
    assert lifetime_seconds(headers) == seconds
