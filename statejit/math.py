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
_LIST = "use a list: what it holds is found, and an assignment to an element replaces it"
_DICT = "use a dict: what it holds is found, and an assignment to a key replaces its value"
_MESHES = "state keeps its sharding: use jax.sharding.Mesh, NamedSharding and jax.device_put"
_SETTING = "there is no environment: use an attribute or a global; a change of either is noticed"
_DTYPE = 'dtypes are JAX\'s: give dtype=, or jax.config.update("jax_enable_x64", True) for all'
_PLAIN = "a function needs no object: give it to jit, grad or for_loop as it is"

_REASONS = {
    _BRAIN: "event sparse jitconn surrogate Scaling IdScaling TimeDelay LengthDelay NeuTimeDelay "
    "NeuLenDelay AbstractDelay ROTATE_UPDATE CONCAT_UPDATE NEU_AXIS PRE_AXIS POST_AXIS SYN_AXIS "
    "BATCH_AXIS TIME_AXIS shared_args_over_time",
    _LIST: "VarList var_list NodeList node_list",
    _DICT: "VarDict var_dict NodeDict node_dict",
    "a slice is a view, which writes through: `x[2:5]`": "VariableView",
    "use statejit.collections(model): nested dictionaries of what it holds": "Collector "
    "ArrayCollector TensorCollector",
    _MESHES: "ShardedArray device_mesh get_sharding partition_by_axname partition_by_sharding "
    "keep_constraint",
    _SETTING: "environment batching_environment training_environment set_environment set set_dt "
    "get_dt dt Mode NonBatchingMode BatchingMode TrainingMode nonbatching_mode batching_mode "
    "training_mode set_mode get_mode mode set_membrane_scaling get_membrane_scaling "
    "membrane_scaling bp_object_as_pytree numpy_func_return",
    _DTYPE: "enable_x64 disable_x64 set_float get_float set_int get_int set_bool get_bool "
    "set_complex get_complex ditype dftype",
    'use jax.config.update("jax_platforms", "cpu") and jax.default_backend()': "set_platform "
    "get_platform",
    'use jax.config.update("jax_num_cpu_devices", n)': "set_host_device_count",
    "set XLA_PYTHON_CLIENT_PREALLOCATE in the environment": "enable_gpu_memory_preallocation "
    "disable_gpu_memory_preallocation",
    "use statejit.clear_cache() and jax.clear_caches()": "clear_buffer_memory",
    "objects have no names of their own": "clear_name_cache",
    _PLAIN: "to_object function FunAsObject ObjectTransform",
    "use functools.partial: what it holds is watched": "Partial",
    "use arrays of two dimensions, and `@`": "matrix asmatrix mat",
    "it is about NumPy itself: use numpy's": "info show_config",
    "`where(x < 0, x * random.uniform(lower, upper, x.shape), x)`": "rrelu",
    "use ast.literal_eval": "safe_eval",
    "what there is of its names is in statejit.math itself": "activations autograd base braintools "
    "collectors compat_numpy compat_pytorch compat_tensorflow controls datatypes delayvars "
    "interoperability modes naming object_transform others pre_syn_post scales sharding variables",
}

ABSENT = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""What brainpy.math has and this has not, with the reason or with what to do instead."""


def __getattr__(name: str) -> Any:
    if name in _DTYPES:
        return getattr(numpy, _DTYPES[name])
    reason = ABSENT.get(name) or (_BRAIN if name.startswith(("pre2", "syn2")) else "")
    raise AttributeError(
        f"module 'statejit.math' has no attribute {name!r}" + (f": {reason}" if reason else "")
    )
