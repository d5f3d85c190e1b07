"""Where weights come from: backbones, their files, names and frozen depths."""
