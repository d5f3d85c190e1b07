"""A network for tables, pretrained on synthetic ones: it learns from rows in context."""
