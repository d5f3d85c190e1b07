"""Read `.keras`, `.h5` and `.weights.h5` files without running code in them."""

from sktransfer.backbones.files.content import is_weights_only
from sktransfer.backbones.files.models import read_model
from sktransfer.backbones.files.old_heads import OldHead
from sktransfer.backbones.files.safe_config import check_config
from sktransfer.backbones.files.weights import load_weights

__all__ = ["OldHead", "check_config", "is_weights_only", "load_weights", "read_model"]
