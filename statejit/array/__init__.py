"""Mutable arrays over JAX: the cell, the marked variables, and functions wrapped from tables."""

from .array import Array
from .standin import StandIn
from .variables import TrainVar, Variable, constant

__all__ = ["Array", "StandIn", "TrainVar", "Variable", "constant"]
