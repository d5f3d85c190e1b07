"""The parts of the comparison of adaptation methods.

Importing this package imports nothing else: the processes of the neighbors, which may
have an interpreter of their own, run a part of it.
"""
