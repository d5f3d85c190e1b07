import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits


@pytest.fixture
def rows():
    """X, y, sample_domain of 3 classes; the target is moved and has other shares."""
    rng = np.random.default_rng(0)
    sample_domain = rng.permutation(np.repeat([0, 1, -1], [50, 30, 70]))
    shares = np.where(sample_domain[:, None] >= 0, [0.4, 0.3, 0.3], [0.2, 0.2, 0.6])
    y = (rng.random(150)[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    X = (
        rng.normal(size=(150, 4))
        + np.eye(3, 4)[y] * 2
        + 0.7 * (sample_domain < 0)[:, None]
    )
    return X, y, sample_domain


@pytest.fixture
def model(rows):
    """A classifier trained on the source."""
    X, y, sample_domain = rows
    return LogisticRegression().fit(X[sample_domain >= 0], y[sample_domain >= 0])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Use one thread, since other processes use the other cores."""
    with threadpool_limits(1):
        yield
