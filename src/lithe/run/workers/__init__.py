"""Who trains the trials of a search: this process, processes beside it, or a cluster."""
