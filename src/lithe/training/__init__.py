"""Images in, a trained network out: data, recipe, loop."""
