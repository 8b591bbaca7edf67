"""What the namespace says of itself, as the Array API standard asks it to."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


class NamespaceInfo:
    """Describes the namespace: dtypes, devices, what is possible.

    The standard is https://data-apis.org/array-api/2024.12.

    Example:
        >>> NamespaceInfo().default_dtypes()["real floating"]
        dtype('float32')
    """

    def __init__(self) -> None:
        self._jaxs = jnp.__array_namespace_info__()

    def capabilities(self) -> dict[str, Any]:
        """Returns what is possible outside of transformed functions; inside, shapes are fixed."""
        found = {"boolean indexing": True, "data-dependent shapes": True}
        return {**self._jaxs.capabilities(), **found}

    def default_device(self) -> Any:
        """Returns the device on which arrays are made, or None for JAX's choice."""
        return self._jaxs.default_device()

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Returns the dtype of each kind that arrays get by default.

        Args:
            device: a device; it makes no difference.
        """
        return self._jaxs.default_dtypes()

    def devices(self) -> list[Any]:
        """Returns the devices of this process."""
        return jax.local_devices()

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Returns the dtypes of a kind.

        Args:
            device: a device; it makes no difference.
            kind: as the standard has it: 'integral', 'real floating' ...
        """
        return self._jaxs.dtypes(kind=kind)
