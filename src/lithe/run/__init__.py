"""A run: one folder, from which it can be repeated, resumed and shown."""
