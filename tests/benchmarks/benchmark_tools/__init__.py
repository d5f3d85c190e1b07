"""What several benchmarks use.

Importing this package imports nothing else, and `versions` needs the standard library
alone: processes with an interpreter of their own use it.
"""
