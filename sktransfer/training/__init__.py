"""How weights are updated: programs, loops, optimizers and recipes."""
