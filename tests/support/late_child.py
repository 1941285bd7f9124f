"""A child that is never ready, for tests of confinement."""

from __future__ import annotations

import time

if __name__ == "__main__":
    time.sleep(3600)
