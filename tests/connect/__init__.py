"""Tests of declarations, mapping, connectors and runs."""
