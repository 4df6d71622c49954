"""Encryption: of what a store keeps, and of the reasoning that clients carry."""
