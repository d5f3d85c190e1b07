"""Plans of training: stages, trained weights, learning rates, early stopping."""
