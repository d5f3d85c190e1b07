"""Number of threads of TensorFlow in the worker processes of joblib."""

import contextlib
import multiprocessing
import os


def limit_worker_threads():
    """Limit the threads of TensorFlow in a worker to the number that joblib sets.

    Without a limit, each worker starts as many threads as there are cores. Other
    processes are not changed, nor are workers in which the user has set a number or
    TensorFlow has started.
    """
    process = type(multiprocessing.current_process())
    is_worker = "LokyProcess" in [cls.__name__ for cls in process.__mro__]
    n_threads = os.environ.get("OMP_NUM_THREADS", "")
    if not is_worker or not n_threads.isdigit():
        return
    from tensorflow.config import threading

    for kind in ("intra", "inter"):
        get_limit = getattr(threading, f"get_{kind}_op_parallelism_threads")
        set_limit = getattr(threading, f"set_{kind}_op_parallelism_threads")
        if f"TF_NUM_{kind.upper()}OP_THREADS" not in os.environ and get_limit() == 0:
            # TensorFlow raises a RuntimeError after its start.
            with contextlib.suppress(RuntimeError):
                set_limit(int(n_threads))
