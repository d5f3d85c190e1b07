"""Environment of the test run, set before scikit-learn or TensorFlow is imported."""

import os

# Without it scikit-learn skips its array API checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
