"""Samples, and the stored outputs of frozen layers for them."""
