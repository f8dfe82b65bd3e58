"""Shared ground of the tests: a real PostgreSQL, waiting without sleeping, and the outer doors that are faked."""
