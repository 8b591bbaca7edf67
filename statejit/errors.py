"""The exceptions that statejit raises.

.. code-block:: text

    StatejitError
    ├── TracedControlFlowError (TypeError)     Python asked a traced array for its value
    ├── RawTransformError (RuntimeError)       state met a JAX transformation that was not lifted
    ├── ForeignObjectError (TypeError)         an unwatched object holds arrays, or was written
    ├── FrozenValueError (TypeError)           a value that no guard describes: iterators, files ...
    ├── OutsideChangeError (RuntimeError)      a global, a cell or a class was changed inside
    ├── EscapeError (RuntimeError)             something traced would outlive its trace
    ├── BypassError (RuntimeError)             an attribute was changed past the hooks
    ├── SlotNotFoundError (ValueError)         `grad_vars` or `update` names what is no slot
    ├── CarryTypeError (TypeError)             a step of a loop leaves another type than it found
    ├── BranchError (TypeError)                branches leave state of different structures
    ├── LaneError (ValueError)                 state would differ from example to example
    └── StructureError (ValueError)            collections or gradients do not fit the model

Every text is made of three parts: what happened, where, and what to do. The first line stands
alone. None of them derives from `AttributeError`, which Python swallows during attribute look-up.
"""

from __future__ import annotations


class StatejitError(Exception):
    """Is the base of everything that statejit raises on its own account.

    Args:
        what: one line that says what happened.
        where: the path of the slot and the user's line, if known.
        do: the remedy.
    """

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        self.what, self.where, self.do = what, where, do
        lines = [what]
        if where:
            lines.append(f"  Where: {where}")
        if do:
            lines.append(f"  Do:    {do}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[StatejitError], tuple[str, str, str]]:
        return type(self), (self.what, self.where, self.do)


class TracedControlFlowError(StatejitError, TypeError):
    """Says that Python control flow asked for the value of a traced array."""


class RawTransformError(StatejitError, RuntimeError):
    """Says that state was touched under a JAX transformation that cannot carry it."""


class ForeignObjectError(StatejitError, TypeError):
    """Says that an object which is not watched holds arrays, or was written to, inside a trace."""


class FrozenValueError(StatejitError, TypeError):
    """Says that a value was read whose content no guard can describe."""


class OutsideChangeError(StatejitError, RuntimeError):
    """Says that the function changed a value outside of the objects that are watched."""


class EscapeError(StatejitError, RuntimeError):
    """Says that something which holds traced values would outlive the trace."""


class BypassError(StatejitError, RuntimeError):
    """Says that an attribute was changed without going through attribute assignment."""


class SlotNotFoundError(StatejitError, ValueError):
    """Says that an array or a path was given that is no slot of the function or model."""


class CarryTypeError(StatejitError, TypeError):
    """Says that each step of a loop would leave state of another type than it found."""


class BranchError(StatejitError, TypeError):
    """Says that the branches of a conditional leave results or state of different structures."""


class LaneError(StatejitError, ValueError):
    """Says that state without an axis would be written differently by lanes or devices."""


class StructureError(StatejitError, ValueError):
    """Says that a collection, or gradients, do not have the structure of their target."""
