"""A network for tables that is trained on synthetic ones and learns in context."""
