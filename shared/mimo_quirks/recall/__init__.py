"""Finding again what a client dropped: fingerprints of turns, and the matching of what a store found."""
