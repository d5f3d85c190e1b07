"""Checks of user input: samples, labels, weights, domains, columns of tables."""
