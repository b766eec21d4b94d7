"""`python -m infra.trial`."""

import sys

from infra.trial import main

if __name__ == "__main__":
    sys.exit(main())
