"""Judges text: scorers, thresholds, verdicts. Counts in characters and knows nothing of tokens or HTTP."""
