"""A schedule spends the cost: a graph becomes machine code for this CPU and runs.

The order of the folder is the order of the work: `isa` (what the machine can do), `ir` and
`kernels` (what is emitted), `llvm` and `objects` (text to code), `program` (the plan as
data), `runtime` (threads and memory).
"""
