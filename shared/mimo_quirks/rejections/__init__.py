"""Rejections of a history for its reasoning: recognised, counted as evidence, and answered with one changed request."""
