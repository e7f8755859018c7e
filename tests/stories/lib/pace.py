# SPDX-License-Identifier: Apache-2.0
"""How slow what is tested may be."""

import os

# Sanitizers and busy machines: every time-out of the harness is multiplied.
SLOW = float(os.environ.get("TOCSIN_STORIES_SLOW", "1"))
