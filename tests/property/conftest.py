"""How the property tests run: without a time limit for one example, which a busy machine would miss."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("simpul", deadline=None, print_blob=True)
settings.load_profile("simpul")
