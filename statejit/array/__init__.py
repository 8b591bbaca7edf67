"""Mutable arrays over JAX: the cell, the marked variables, and functions wrapped from tables.

From the ground up: each module imports only what stands before it.

- Functions over JAX's arrays, with what they lack of NumPy's: `accumulated`, `calculus`,
  `matrices`, `activations`, `signatures` (arguments that JAX has not), `info`.
- How arrays are handed over: `lifting` (contents go in), `complaints` (NumPy's errors).
- Parts of an array: `layouts` (shape and strides without content), `overlapping` (writes of what
  was read from the same array), `kernels` (compiled programs for one array), `steps` and `ways`
  (from an array to a part of it), `repeated` (indices that repeat), `callers` (what the caller's
  bytecode does with an element), `quick` and `elements` (the shortest ways).
- Operators and indices: `operators`, `assigning`, `indexing`, `picking` (views), `gathering`
  (copies), `masked` (masks inside of traces), `flat`; with those, `scalars` (Python numbers that
  do not fit), `completed`, `creation`, `histograms`, `quantiles` (more functions over JAX's
  arrays).
- The class, from its bases up: `methods`, `shapes`, `views`, `torchlike`, `array`; beside it
  `standin` (what a trace sees of a NumPy array), `variables`, `conversions`.
- The namespace: `wrapping` (a function of JAX becomes one over mutable arrays), `viewing`
  (functions that return views), `strided` (windows that slide), `applied` (those that call the
  user's), `at`, `ufuncs`, `in_place`, `functions`, `beyond` (what `jax.numpy` lacks), `linalg`,
  `fft`, `protocols` (NumPy's own functions on our arrays); for brainpy.math `segments`, `patterns`,
  `porting`.
"""

from .array import Array
from .standin import StandIn
from .variables import TrainVar, Variable, constant

__all__ = ["Array", "StandIn", "TrainVar", "Variable", "constant"]
