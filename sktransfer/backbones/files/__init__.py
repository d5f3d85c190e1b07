"""Read `.keras`, `.h5` and `.weights.h5` files without running code in them."""

from sktransfer.backbones.files.content import check_path
from sktransfer.backbones.files.models import load_weights, read_model
from sktransfer.backbones.files.old_heads import OldHead
from sktransfer.backbones.files.safe_config import check_config

__all__ = ["OldHead", "check_config", "check_path", "load_weights", "read_model"]
