"""Transformations: each a thin lift of JAX's over plans."""
