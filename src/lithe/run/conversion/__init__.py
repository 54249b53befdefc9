"""`lithe convert`: from a trained network to an efficient one, in steps that are on disk."""
