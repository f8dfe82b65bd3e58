"""Faults on real processes: kill, freeze, crash, cut. Every test asserts that its fault was felt and checks the invariants."""
