# SPDX-License-Identifier: Apache-2.0
"""`tocsind --once` over a million pending rows: bounded memory, and no slower at the end."""

import database
from rows_once import flat


def rows(lab):
    """100,000 rows and a million."""
    with database.server() as server:
        for scale in lab.scales:
            yield flat(lab, server, lab.size(100000) * scale)
