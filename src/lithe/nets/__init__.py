"""A table becomes a torch network; weights go in and out of it by name."""
