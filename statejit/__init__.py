"""statejit: JAX for plain Python classes, in which nobody declares state.

The public names, by what they are for:

- models: `Base`, `model`; marks for those who want them: `Variable`, `TrainVar`, `constant`;
- transformations: `jit`, `grad`, `value_and_grad`;
- what was found: `discover`, `collections`, `update`, `functionalize`;
- training: `Optimizer`;
- arrays and random numbers: `Array`, `numpy`, `random`; for porting: `math`.
"""

from __future__ import annotations

from . import errors, numpy, random, typing
from ._core.base import Base, model
from ._core.changes import unwatched
from ._core.lift import clear_cache
from .array import Array, TrainVar, Variable, constant
from .collections import collections, discover, update
from .functional import functionalize
from .optimizer import Optimizer
from .transforms.autodiff import grad, value_and_grad
from .transforms.jit import jit

__version__ = "0.1.0"

__all__ = [
    "Array",
    "Base",
    "Optimizer",
    "TrainVar",
    "Variable",
    "clear_cache",
    "collections",
    "constant",
    "discover",
    "errors",
    "functionalize",
    "grad",
    "jit",
    "model",
    "numpy",
    "random",
    "typing",
    "unwatched",
    "update",
    "value_and_grad",
]
