"""brainpy.math's names, so that porting starts with one import line; there is no logic here.

Example:
    >>> import statejit.math as bm
    >>> b = bm.arange(5)
    >>> b[0] += 5
    >>> print(b)
    [5 1 2 3 4]
"""

from __future__ import annotations

from typing import Any

from . import numpy
from . import random as random
from ._core.base import Base
from .array import Array, TrainVar
from .array import Variable as Variable
from .array import constant as constant
from .array import fft as fft
from .array import linalg as linalg
from .transforms.autodiff import grad as grad
from .transforms.autodiff import value_and_grad as value_and_grad
from .transforms.jit import jit as jit

globals().update({name: getattr(numpy, name) for name in numpy.__all__})

BrainPyObject = Base
ndarray = JaxArray = Array
Parameter = TrainVar

_OWN = (
    *("Array", "BrainPyObject", "JaxArray", "Parameter", "TrainVar", "Variable", "constant"),
    *("fft", "grad", "jit", "linalg", "ndarray", "random", "value_and_grad"),
)

__all__ = sorted({*numpy.__all__, *_OWN})


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'statejit.math' has no attribute {name!r}")
