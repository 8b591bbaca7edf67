"""Marked arrays: `Variable`, `TrainVar`, `constant`. They decide the collection of a slot."""

from __future__ import annotations

from typing import Any

from .array import Array, register


class Variable(Array):
    """Is a mutable array that an attribute keeps: assigning to the attribute writes into it.

    Args:
        value: anything array-like, of any shape.
        collection: the collection that it belongs to; by default the one found by watching.
        dtype: the dtype; by default that of `value`.

    Raises:
        TypeError: if the collection is no string.

    Example:
        >>> import statejit as sj
        >>> class Neuron(sj.Base):
        ...     def __init__(self):
        ...         self.v = Variable([0.0, 0.0], "state")
        >>> neuron = Neuron()
        >>> neuron.v = neuron.v + 1
        >>> neuron.v
        Variable([1., 1.], dtype=float32)
    """

    __slots__ = ()
    keeps = True

    def __init__(self, value: Any, collection: str | None = None, dtype: Any = None) -> None:
        if not isinstance(collection, str | None):
            raise TypeError(
                f"a collection is a name, not a {type(collection).__name__}; give a dtype as dtype="
            )
        super().__init__(value, dtype)
        self._collection = collection

    @property
    def collection(self) -> str | None:
        """The collection that was declared, or None."""
        return self._collection


class TrainVar(Variable):
    """Is a `Variable` of the collection 'params'.

    Args:
        value: anything array-like, of any shape.
        dtype: the dtype; by default that of `value`.

    Example:
        >>> TrainVar([1.0, 2.0]).collection
        'params'
    """

    __slots__ = ()

    def __init__(self, value: Any, dtype: Any = None) -> None:
        super().__init__(value, "params", dtype)


def constant(value: Any, dtype: Any = None) -> Array:
    """Returns a mutable array of the collection 'constants'.

    Args:
        value: anything array-like, of any shape.
        dtype: the dtype; by default that of `value`.

    Returns:
        An `Array`: `grad` and optimizers that ask for parameters pass it over.

    Example:
        >>> constant([1.0, 2.0])
        Array([1., 2.], dtype=float32)
    """
    new = Array(value, dtype)
    new._collection = "constants"  # type: ignore[attr-defined]
    return new


register(Variable)
register(TrainVar)
