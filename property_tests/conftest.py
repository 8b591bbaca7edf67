"""Profiles of hypothesis: `ci` (the default), `dev` for a quick look, `deep` for a long search.

Choose one with `HYPOTHESIS_PROFILE=deep`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

collect_ignore = ["beyond.py", "drawn.py"]

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

for name, examples in (("dev", 30), ("ci", 250), ("deep", 20_000)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,  # the first example of a shape compiles
        suppress_health_check=SLOW,
        derandomize=name == "ci",
        print_blob=True,
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
