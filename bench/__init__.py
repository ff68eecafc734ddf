"""Benchmarks and data at real scale; run by hand, never by the tests."""
