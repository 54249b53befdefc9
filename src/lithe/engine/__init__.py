"""A schedule spends the cost: a graph becomes machine code for this CPU and runs.

In the order of the work, which is also a good order to read the folder in:

- `compile`, `source`: the door; from whatever is given to a model, then all of the below.
- `isa`, `target`: instruction sets as rows; which of them this machine runs.
- `program`: what all the rest makes or uses: kernels, steps, places, as data.
- `lower`: nodes become steps; `lower.blocks` chooses a schedule for a fused block, `tune` by
  running each.
- `tiles`: how many pixels and vectors of sums are held in registers at once.
- `ir`: words to write LLVM's language with; `kernels` uses them, `kernels.rows` and
  `kernels.tile` (a row of a convolution) first, then `kernels.depthwise`, `kernels.conv`,
  and `kernels.rolling`, `kernels.sliced` for whole blocks.
- `llvm`, `objects`, `build`, `cache`: text to an object, an object into memory, kept on disk.
- `plan`, `layout`, `loaded`: where each buffer lies; a program in memory.
- `native`, `runtime`: the loop over the steps, and the threads that run it.
- `network`, `operands`, `batch`: what is called, with which inputs, for any batch.
- `loops`, `multiply_adds`, `peak`, `bandwidth`, `launch`: what the processor can do at most.
- `one_block`, `assembly`: views for readers,
  printed by `lithe inspect`; docs/engine.md goes through them.
"""
