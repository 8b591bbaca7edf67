"""Random numbers with NumPy's interface: generators whose key is state like any other.

The functions of this module draw from a default generator, `DEFAULT`. Each draw is one compiled
call, which takes the generator's key and gives the next one; inside a transformed function the key
is found by watching, so that draws are the same as eagerly, bit for bit.

- of NumPy: the module's functions, `Generator`, `default_rng`, `RandomState`, `SeedSequence`, and
  the bit generators, which are seeds here;
- of JAX: the distributions that NumPy lacks, and the functions of keys: `key`, `split` ...;
- of brainpy.math: `seed_context`, `split_key`, `rand_like` ..., and `key=` for every draw.

From the ground up, each module imports only what stands before it. Samplers: `uniforms`, `threefry`
(the cipher), `parameters` (and their domains), `programs` (a draw as one compiled call),
`distribution` (all that there is to say of one), `truncated`, `rejection`, `gammas`, `circular`,
`continuous`, `discrete`, `noncentral`, `multivariate`, `elements` (whole numbers, choices and
orders). Generators: `keys`, `draws` (an object that holds a key), `quick` (the shortest way to a
draw), `methods`, `orders` and `vectors` (methods made of the samplers), `keyed` (all of them upon a
key), `porting` and `legacy` (names of brainpy.math and of older NumPy), `generator`, `default`.

Example:
    >>> import statejit.random as srandom
    >>> srandom.seed(0)
    >>> srandom.normal(0.0, 2.0, 5).shape
    (5,)
"""

from __future__ import annotations

from typing import Any

from jax.random import PRNGKey as PRNGKey
from jax.random import clone as clone
from jax.random import fold_in as fold_in
from jax.random import key as key
from jax.random import key_data as key_data
from jax.random import key_impl as key_impl
from jax.random import split as split
from jax.random import wrap_key_data as wrap_key_data
from numpy.random import MT19937 as MT19937
from numpy.random import PCG64 as PCG64
from numpy.random import PCG64DXSM as PCG64DXSM
from numpy.random import SFC64 as SFC64
from numpy.random import BitGenerator as BitGenerator
from numpy.random import Philox as Philox
from numpy.random import SeedSequence as SeedSequence

from .default import FUNCTIONS, default
from .default import clone_rng as clone_rng
from .generator import Generator as Generator
from .generator import RandomState as RandomState
from .generator import default_rng as default_rng

globals().update(FUNCTIONS)

_OWN = (
    *("BitGenerator", "MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"),
    *("DEFAULT", "Generator", "PRNGKey", "RandomState", "SeedSequence", "clone", "clone_rng"),
    *("default_rng", "fold_in", "key", "key_data", "key_impl", "split", "wrap_key_data"),
)

__all__ = sorted({*FUNCTIONS, *_OWN})


def __getattr__(name: str) -> Any:
    if name == "DEFAULT":
        return default()
    raise AttributeError(f"module 'statejit.random' has no attribute {name!r}")
