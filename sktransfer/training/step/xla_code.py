"""Machine code of XLA, which TensorFlow never drops by itself."""

import contextlib
import sys
import threading

import tensorflow as tf

from sktransfer._caches import XLA_LOCK

# TensorFlow looks up the owner of the code by the Hash64 of the name of its C++ class,
# N10tensorflow14DeviceCompilerIN3xla15LocalExecutableENS1_11LocalClientEEE.
_OWNER_HASH = 0x6B406BD7CBE180FF


class XlaCode:
    """Machine code of this process, which is never dropped while it runs."""

    def __init__(self):
        self._n_running = 0

    @contextlib.contextmanager
    def used(self):
        """Return a context in which the code is not dropped."""
        with XLA_LOCK:
            self._n_running += 1
        try:
            yield
        finally:
            with XLA_LOCK:
                self._n_running -= 1

    def drop(self):
        """Drop all code, unless some of it may run; XLA compiles it when it is needed.

        Code that runs must not be dropped. So nothing happens while a call of this
        package runs, or while another Python thread is in TensorFlow; nor where
        TensorFlow keeps the code elsewhere, such as in another version.
        """
        with XLA_LOCK:
            if self._n_running == 0 and not _runs_elsewhere():
                _destroy_owner()


def _runs_elsewhere():
    """Return whether another Python thread is inside TensorFlow now."""
    for thread, frame in sys._current_frames().items():  # noqa: SLF001
        while frame is not None and thread != threading.get_ident():
            if frame.f_globals.get("__name__", "").startswith("tensorflow"):
                return True
            frame = frame.f_back
    return False


def _destroy_owner():
    with tf.device("CPU:0"):
        handle = tf.make_tensor_proto(0.0)
        handle.ClearField("float_val")
        handle.dtype = tf.resource.as_datatype_enum
        handle.resource_handle_val.add(
            device=tf.constant(0.0).device,
            container="localhost",
            name="xla_device_compiler",
            hash_code=_OWNER_HASH,
        )
        resource = tf.io.parse_tensor(handle.SerializeToString(), tf.resource)
        tf.raw_ops.DestroyResourceOp(resource=resource, ignore_lookup_error=True)


XLA_CODE = XlaCode()
