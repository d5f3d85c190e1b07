"""What is trained in which order, and at which learning rates."""
