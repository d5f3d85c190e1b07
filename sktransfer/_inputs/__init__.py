"""Checks of what users pass: samples, labels, weights, domains, columns of tables."""
