"""Programs that measure; each writes a table. None is a test, and no test is timed."""
