"""This engine and what a user would pick instead, timed side by side in one run.

Cells (network, resolution, batch, threads) are prepared once: weights, input, the logits in
float64 and each engine's own kind of file. Then every engine loads the same weights in a
process of its own, shows that its logits are right, and takes its turn in interleaved rounds.
"""
