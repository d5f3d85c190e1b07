"""Threads of TensorFlow in the worker processes of joblib."""

import contextlib
import multiprocessing
import os


def limit_worker_threads():
    """Give TensorFlow in a worker the number of threads that joblib gives to BLAS.

    By itself it starts as many as there are cores, in every worker. Nothing is done in
    other processes, where the user has set a number, or once TensorFlow has started.
    """
    process = type(multiprocessing.current_process())
    in_worker = "LokyProcess" in [cls.__name__ for cls in process.__mro__]
    given = os.environ.get("OMP_NUM_THREADS", "")
    if not in_worker or not given.isdigit():
        return
    from tensorflow.config import threading

    for variable, get, put in (
        (
            "TF_NUM_INTRAOP_THREADS",
            threading.get_intra_op_parallelism_threads,
            threading.set_intra_op_parallelism_threads,
        ),
        (
            "TF_NUM_INTEROP_THREADS",
            threading.get_inter_op_parallelism_threads,
            threading.set_inter_op_parallelism_threads,
        ),
    ):
        if variable not in os.environ and get() == 0:
            with contextlib.suppress(RuntimeError):
                put(int(given))
