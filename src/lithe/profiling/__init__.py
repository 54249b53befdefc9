"""The dimensions of one network, joined: static cost and measured latency.

`lithe.profiling.profile` holds `profile`, which measures too and is `lithe.profile`.
"""

from lithe.profiling.static import static_profile
from lithe.profiling.values import Profile

__all__ = ["Profile", "static_profile"]
