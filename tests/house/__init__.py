"""The house rules as tests, so that they are kept. What is not run is not kept."""
