"""Build backbones by name: keras.applications and presets of keras-hub."""

from sktransfer.backbones.zoo.applications import (
    application_names,
    application_preprocessing,
    build_application,
    find_application,
)
from sktransfer.backbones.zoo.hub import build_hub

__all__ = [
    "application_names",
    "application_preprocessing",
    "build_application",
    "build_hub",
    "find_application",
]
