# SPDX-License-Identifier: Apache-2.0
"""What the stories stand on: the daemon under test and the strict peers it talks to."""
