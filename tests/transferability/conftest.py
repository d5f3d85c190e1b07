import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Use one thread, since other processes use the other cores."""
    with threadpool_limits(1):
        yield
