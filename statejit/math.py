"""brainpy.math's names, so that porting starts with one import line; there is no logic here.

It has everything in `statejit.numpy`, activation functions of `jax.nn`, names that NumPy has given
up, `random`, the marked variables, and the transformations, with the order of arguments that they
have there.

Example:
    >>> import statejit.math as bm
    >>> b = bm.arange(5)
    >>> b[0] += 5
    >>> print(b)
    [5 1 2 3 4]
"""

from __future__ import annotations

from typing import Any

import jax

from . import numpy
from . import random as random
from ._core.base import Base
from .array import Array, TrainVar
from .array import Variable as Variable
from .array import constant as constant
from .array import fft as fft
from .array import linalg as linalg
from .array.patterns import PATTERNS
from .array.porting import PORTED
from .array.segments import SEGMENTS
from .array.wrapping import function as _function
from .transforms.autodiff import grad as grad
from .transforms.autodiff import value_and_grad as value_and_grad
from .transforms.branches import ifelse as ifelse
from .transforms.jacobians import hessian as hessian
from .transforms.jacobians import jacfwd as jacfwd
from .transforms.jacobians import jacobian as jacobian
from .transforms.jacobians import jacrev as jacrev
from .transforms.jacobians import vector_grad as vector_grad
from .transforms.jit import jit as jit
from .transforms.operands import cond as cond
from .transforms.operands import for_loop as for_loop
from .transforms.operands import scan as scan
from .transforms.operands import while_loop as while_loop
from .transforms.progress import ProgressBar as ProgressBar

globals().update({name: getattr(numpy, name) for name in numpy.__all__})

_RENAMED = {
    "alltrue": "all",
    "cat": "concatenate",
    "clip_by_value": "clip",
    "concat": "concatenate",
    "cumproduct": "cumprod",
    "product": "prod",
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_std": "std",
    "reduce_sum": "sum",
    "reduce_variance": "var",
    "round_": "round",
    "issubsctype": "issubdtype",
    "row_stack": "vstack",
    "sometrue": "any",
    "unsqueeze": "expand_dims",
}

_ACTIVATIONS = (
    *("celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_silu", "hard_swish"),
    *("leaky_relu", "log_sigmoid", "log_softmax", "logsumexp", "mish", "one_hot", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "soft_sign", "softmax", "standardize", "swish"),
)

globals().update({name: getattr(numpy, ours) for name, ours in _RENAMED.items()})
globals().update({name: _function(getattr(jax.nn, name)) for name in _ACTIVATIONS})

globals().update(SEGMENTS | PATTERNS | PORTED)

_DTYPES = {"float": "float32", "int": "int32", "cfloat": "complex64"}
"""Names of dtypes that Python has otherwise: `import *` leaves Python's alone."""

BrainPyObject = Base
ndarray = JaxArray = Tensor = Array
cls_jit = jit
functional_vector_grad = vector_grad
Parameter = TrainVar

_OWN = (
    *(
        "Array",
        "BrainPyObject",
        "JaxArray",
        "Parameter",
        "Tensor",
        "TrainVar",
        "Variable",
        "constant",
    ),
    *(
        "ProgressBar",
        "cls_jit",
        "cond",
        "fft",
        "for_loop",
        "functional_vector_grad",
        "grad",
        "ifelse",
        "jit",
        "linalg",
        "ndarray",
        "random",
        "scan",
    ),
    *("hessian", "jacfwd", "jacobian", "jacrev", "value_and_grad", "vector_grad", "while_loop"),
)

_PORTED = (*SEGMENTS, *PATTERNS, *PORTED)

__all__ = sorted({*numpy.__all__, *_RENAMED, *_ACTIVATIONS, *_OWN, *_PORTED})

_BRAIN = "it is about models of brains, and no part of an array library"
_MESHES = "state keeps its sharding: use jax.sharding.Mesh, NamedSharding and jax.device_put"

ABSENT: dict[str, str] = {
    **dict.fromkeys(("event", "sparse", "jitconn", "surrogate", "Scaling", "IdScaling"), _BRAIN),
    **dict.fromkeys(("TimeDelay", "LengthDelay", "NeuTimeDelay", "NeuLenDelay"), _BRAIN),
    **dict.fromkeys(("NEU_AXIS", "PRE_AXIS", "POST_AXIS", "SYN_AXIS"), _BRAIN),
    **dict.fromkeys(("BATCH_AXIS", "TIME_AXIS", "shared_args_over_time"), _BRAIN),
    **dict.fromkeys(("device_mesh", "get_sharding", "partition_by_axname"), _MESHES),
    **dict.fromkeys(("partition_by_sharding", "keep_constraint"), _MESHES),
    **dict.fromkeys(("matrix", "asmatrix", "mat"), "use arrays of two dimensions, and `@`"),
    **dict.fromkeys(("info", "show_config"), "it is about NumPy itself: use numpy's"),
    "function": "a function needs no declaration: give it to jit, grad or for_loop as it is",
    "to_object": "a function needs no object: give it to jit, grad or for_loop as it is",
    "Partial": "use functools.partial: what it holds is watched",
    "rrelu": "`where(x < 0, x * random.uniform(lower, upper, x.shape), x)`",
    "safe_eval": "use ast.literal_eval",
}
"""What brainpy.math has and this has not, with the reason or with what to do instead."""


def __getattr__(name: str) -> Any:
    if name in _DTYPES:
        return getattr(numpy, _DTYPES[name])
    reason = ABSENT.get(name) or (_BRAIN if name.startswith(("pre2post_", "syn2post_")) else "")
    raise AttributeError(
        f"module 'statejit.math' has no attribute {name!r}" + (f": {reason}" if reason else "")
    )
