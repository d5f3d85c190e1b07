"""Compiled gradient steps and the terms of their loss."""
