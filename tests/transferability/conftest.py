import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Keep OpenMP threads from waiting for cores that other processes use."""
    with threadpool_limits(1, user_api="openmp"):
        yield
