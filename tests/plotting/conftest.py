import pytest


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open."""
    from matplotlib import pyplot as plt

    yield
    plt.close("all")
