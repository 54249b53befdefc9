"""How long a network will take, from measured times of the steps that the engine plans for it."""
