"""How a backbone learns a task: by gradient steps, or in context."""
