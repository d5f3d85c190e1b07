"""Samples, and the outputs of frozen layers for them."""
