"""Machine code of XLA, which TensorFlow never drops by itself."""

import contextlib
import sys
import threading

import tensorflow as tf

from sktransfer._caches import XLA_LOCK

# TensorFlow looks up the owner of the code by the name of its C++ class.
_OWNER = b"N10tensorflow14DeviceCompilerIN3xla15LocalExecutableENS1_11LocalClientEEE"
_OWNER_NAME, _CONTAINER = "xla_device_compiler", "localhost"
_SEED, _FACTOR, _BITS = 0xDECAFCAFFE, 0xC6A4A7935BD1E995, (1 << 64) - 1


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
            container=_CONTAINER,
            name=_OWNER_NAME,
            hash_code=_hash64(_OWNER),
        )
        resource = tf.io.parse_tensor(handle.SerializeToString(), tf.resource)
        tf.raw_ops.DestroyResourceOp(resource=resource, ignore_lookup_error=True)


def _hash64(data):
    """Compute TensorFlow's ``Hash64``, which is MurmurHash64A."""

    def mix(value):
        return value ^ (value >> 47)

    value = (_SEED ^ len(data) * _FACTOR) & _BITS
    n_whole = len(data) // 8 * 8
    for i in range(0, n_whole, 8):
        word = int.from_bytes(data[i : i + 8], "little")
        word = mix(word * _FACTOR & _BITS) * _FACTOR & _BITS
        value = (value ^ word) * _FACTOR & _BITS
    if n_whole < len(data):
        rest = int.from_bytes(data[n_whole:], "little")
        value = (value ^ rest) * _FACTOR & _BITS
    return mix(mix(value) * _FACTOR & _BITS)


XLA_CODE = XlaCode()
