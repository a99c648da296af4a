"""Proposals: a source's YAML written by looking at a system, with the evidence for each line. Applies nothing."""
