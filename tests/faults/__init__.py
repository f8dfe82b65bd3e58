"""Faults on real processes. Every test asserts that its fault was felt and checks the invariants."""
