"""Histories: selected, aggregated, stored, served."""
