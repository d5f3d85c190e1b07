"""The compiled steps of training, and the terms of their loss."""
