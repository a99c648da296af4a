"""Tests of the demo city: its facts, its systems and its answers."""
