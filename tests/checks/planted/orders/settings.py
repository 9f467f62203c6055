"""Values that are computed when the module is imported."""

import os
import time
import uuid

STARTED = time.time()
REGION = os.environ.get("REGION", "x")
WORKER = str(uuid.uuid4())
