"""Mutable arrays over JAX: the cell, the marked variables, and functions wrapped from tables."""

from .array import Array
from .variables import TrainVar, Variable, constant

__all__ = ["Array", "TrainVar", "Variable", "constant"]
