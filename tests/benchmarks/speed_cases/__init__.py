"""The cases of the speed benchmark, one family a file."""

# Name of a case -> module; the function in it has the same name.
CASES = {
    "table-grid": "grids",
    "frozen-images": "grids",
    "half-frozen-images": "grids",
    "one-fit": "fits",
    "conv-fine-tuning": "fits",
    "predict": "prediction",
    "scaling": "scaling",
    "memory": "memory",
    "n-jobs": "grids",
    "memmap": "memmap",
}
