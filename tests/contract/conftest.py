"""Which contract suites belong to which environment.

google-generativeai holds protobuf below 6, so its suite runs in an environment of its own (infra/requirements/
classify.txt), where the variable is set: `CLASSIFY_ENV=1 pytest tests/contract/test_gemini.py`. Elsewhere it is not
collected; it never skips, for a skip reads like a pass.
"""

import os

collect_ignore = [] if os.environ.get("CLASSIFY_ENV") else ["test_gemini.py"]
