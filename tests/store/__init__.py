"""Tests of the stores of cities: one contract, a model that is the oracle, crashes, faults and query plans."""
