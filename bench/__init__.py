"""Measures, never asserted in a test: ratios to a floor measured in the same run."""
