"""Adaptation methods, one in each file."""
