"""From a budget to a network: candidates, what they cost, which of them wins."""
