"""The dimensions of one network, joined: static cost and measured latency."""
