"""What the transferability benchmark is made of."""
