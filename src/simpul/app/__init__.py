"""The use-cases: one file per noun. They decide; they know no HTTP and no SQL."""
