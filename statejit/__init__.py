"""statejit: JAX for plain Python classes, in which nobody declares state.

The public names, by what they are for:

- models: `Base`, `model`; marks for those who want them: `Variable`, `TrainVar`, `constant`;
- transformations: `jit`, `grad`, `value_and_grad`, `vmap`, `shard_map`; loops: `scan`, `for_loop`,
  `while_loop`, `fori_loop`, `map`, `associative_scan`; branches: `cond`, `switch`, `ifelse`;
- what was found: `discover`, `collections`, `update`, `functionalize`;
- training: `Optimizer`;
- arrays and random numbers: `Array`, `numpy`, `random`; for porting: `math`.
"""

from __future__ import annotations

from . import debug, errors, numpy, random, typing
from ._core.base import Base, model
from ._core.changes import unwatched
from ._core.lift import clear_cache
from .array import Array, TrainVar, Variable, constant
from .collecting import collections, discover, update
from .functional import functionalize
from .optimizer import Optimizer
from .transforms.autodiff import grad, value_and_grad
from .transforms.batching import vmap
from .transforms.branches import cond, ifelse, switch
from .transforms.checkpointing import checkpoint, remat, stop_gradient
from .transforms.custom_jvp import custom_jvp
from .transforms.custom_vjp import custom_vjp
from .transforms.jacobians import hessian, jacfwd, jacobian, jacrev, vector_grad
from .transforms.jit import jit
from .transforms.loops import associative_scan, for_loop, fori_loop, scan, while_loop
from .transforms.loops import map as map  # noqa: A004, the name that JAX has
from .transforms.progress import ProgressBar
from .transforms.pushing import hvp, jvp, linearize, vjp
from .transforms.sharding import shard_map
from .transforms.tools import checkify, eval_shape, make_jaxpr, named_call, named_scope

__version__ = "0.1.0"

__all__ = [
    "Array",
    "Base",
    "Optimizer",
    "ProgressBar",
    "TrainVar",
    "Variable",
    "associative_scan",
    "checkify",
    "checkpoint",
    "clear_cache",
    "collections",
    "cond",
    "constant",
    "custom_jvp",
    "custom_vjp",
    "debug",
    "discover",
    "errors",
    "eval_shape",
    "for_loop",
    "fori_loop",
    "functionalize",
    "grad",
    "hessian",
    "hvp",
    "ifelse",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "make_jaxpr",
    "map",
    "model",
    "named_call",
    "named_scope",
    "numpy",
    "random",
    "remat",
    "scan",
    "shard_map",
    "stop_gradient",
    "switch",
    "typing",
    "unwatched",
    "update",
    "value_and_grad",
    "vector_grad",
    "vjp",
    "vmap",
    "while_loop",
]
