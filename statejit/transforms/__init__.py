"""Transformations: each a thin lift of JAX's over plans.

From the ground up: each module imports only what stands before it.

- Compilation, memory, names: `jit`, `inside` (lifts that work within a trace), `checkpointing`.
- Derivatives: `targets` (what `grad_vars` and `argnums` mean), `autodiff` (`grad`), `trials` (for
  line searches).
- What recipes give: `forms` (their types), `weak_types`, `apart` and `merging` (one recipe of those
  of several branches).
- One step of a loop: `pairs` (a place: what a step finds, and what it leaves), `late` (places that
  no step reads), `matching` (how each place gets from step to step), `origins` (which array that is
  in the end), `handing` (what goes to the outside), `steps` (the frame of a step), `courses`
  and `counting` (Python numbers), `repeating` (a step that can be repeated).
- Loops: `progress` (bars), `scanning` and `whiling` (of a known number of steps, or not), `loops`
  (`scan`, `for_loop`, `while_loop` ...).
- Branches: `branches` (`cond`, `switch`, `ifelse`), `operands` (loops and branches as brainpy.math
  has them).
- Further derivatives: `jacobians`, `pushing` (`jvp`, `vjp` ...), `rules` (functions with a rule of
  their own), `custom_jvp`, `custom_vjp`.
- Batches: `state_axes` (over which axes state is mapped), `lanes` (the frame of one lane),
  `columns` (what all lanes leave), `batching` (`vmap`), `replication` (what is the same on all
  devices), `sharding` (`shard_map`).
- `tools`: `eval_shape`, `make_jaxpr`, `checkify`.
"""
