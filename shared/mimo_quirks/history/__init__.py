"""The turns of a history: read, paired with their results, put together from a stream, and replayed."""
