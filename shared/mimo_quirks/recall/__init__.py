"""Finding again what a client dropped: fingerprints of turns, and the proof of what a store found."""
