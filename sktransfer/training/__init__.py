"""Training by gradient steps: programs, loops, optimizers and recipes."""
