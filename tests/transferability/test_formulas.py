"""Each score against its formula, written with plain loops, and the authors' values."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from sktransfer.transferability import (
    gbc,
    h_score,
    knn_score,
    leep,
    logme,
    nce,
    nleep,
    transrate,
)

SHAPES = pytest.mark.parametrize("shape", [(60, 4), (40, 1), (15, 40), (20, 20)])


def waves(n, d):
    """Rows from a formula, the same with every version of NumPy."""
    i, j = np.arange(n)[:, None], np.arange(d)[None, :]
    y = np.arange(n) % 3
    return np.sin(1 + i * (j + 1) ** 1.5) + 0.7 * (y[:, None] == j % 3), y


def random_rows(n, d, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return rng.normal(size=(n, d)) + 0.5 * y[:, None], y


def log_evidence(F, target, alpha, beta):
    n, d = F.shape
    A = alpha * np.eye(d) + beta * F.T @ F
    m = beta * np.linalg.solve(A, F.T @ target)
    return (
        d / 2 * np.log(alpha)
        + n / 2 * np.log(beta)
        - n / 2 * np.log(2 * np.pi)
        - beta / 2 * np.sum((F @ m - target) ** 2)
        - alpha / 2 * m @ m
        - np.linalg.slogdet(A).logabsdet / 2
    ) / n


def iterated_evidence(F, target):
    """The iteration of MacKay that the paper uses, until it stands still."""
    alpha = beta = 1.0
    values = np.linalg.svd(F, compute_uv=False) ** 2
    for _ in range(2000):
        if alpha > 1e10 * beta * values[0]:
            # Useless features: the prior goes to infinity.
            break
        gamma = np.sum(beta * values / (alpha + beta * values))
        A = alpha * np.eye(F.shape[1]) + beta * F.T @ F
        m = beta * np.linalg.solve(A, F.T @ target)
        alpha = gamma / (m @ m)
        beta = (len(F) - gamma) / np.sum((F @ m - target) ** 2)
    return log_evidence(F, target, alpha, beta)


@pytest.mark.parametrize("shape", [(60, 4), (40, 1), (30, 20)])
def test_logme(shape):
    F, y = random_rows(*shape)
    values = [iterated_evidence(F, (y == k).astype(float)) for k in range(3)]
    assert logme(F, y) == pytest.approx(np.mean(values), abs=1e-6)


@SHAPES
def test_logme_is_the_greatest_evidence(shape):
    F, y = random_rows(*shape, seed=1)
    greatest = 0
    for k in range(3):
        target = (y == k).astype(float)
        greatest += max(
            log_evidence(F, target, alpha, beta) / 3
            for alpha in np.logspace(-3, 6, 50)
            for beta in np.logspace(-3, 6, 50)
        )
    assert greatest - 1e-9 <= logme(F, y) < greatest + 0.05


def test_logme_of_useless_features_is_that_of_noise():
    F, y = random_rows(300, 5)
    y = np.arange(300) % 3
    F -= F.mean(axis=0)
    F[:] = F - np.array([F[y == k].mean(axis=0) for k in range(3)])[y]
    assert logme(F, y) == pytest.approx(-0.5 * np.log(2 * np.pi / 3) - 0.5, abs=1e-6)


@pytest.mark.parametrize("n_sources", [1, 2, 5])
def test_leep(n_sources):
    rng = np.random.default_rng(0)
    n, proba = 50, rng.dirichlet(np.full(n_sources, 0.3), size=50)
    y = rng.integers(3, size=n)
    joint = np.zeros((3, n_sources))
    for i in range(n):
        for z in range(n_sources):
            joint[y[i], z] += proba[i, z] / n
    total = 0
    for i in range(n):
        likelihood = 0
        for z in range(n_sources):
            likelihood += joint[y[i], z] / joint[:, z].sum() * proba[i, z]
        total += np.log(likelihood) / n
    assert leep(proba, y) == pytest.approx(total, rel=1e-12)
    as_float32 = leep(proba.astype(np.float32), y)
    assert as_float32 == pytest.approx(total, rel=1e-5)


def test_leep_ignores_source_classes_that_are_not_seen():
    proba = np.random.default_rng(0).dirichlet([1, 1], size=20)
    y = np.arange(20) % 2
    wider = np.insert(proba, 1, 0, axis=1)
    assert leep(wider, y) == leep(proba, y)


def test_leep_is_between_the_entropy_of_the_labels_and_0():
    y = np.repeat([0, 1, 2], [10, 20, 30])
    shares = np.array([1, 2, 3]) / 6
    assert leep(np.full((60, 4), 0.25), y) == pytest.approx(shares @ np.log(shares))
    assert leep(np.eye(3)[y], y) == 0


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        ([[0.5, 0.6]] * 4, "sums of rows from 1.1 to 1.1; expected probabilities"),
        ([[1.5, -0.5]] * 4, "minimum -0.5"),
        ([[np.nan, 0.5]] * 4, "source_proba has NaN"),
        ([0.5] * 4, r"source_proba has shape \(4,\)"),
        ([[0.5, 0.5]] * 3, "y has 4 labels for 3 samples"),
    ],
)
def test_leep_of_bad_probabilities(proba, message):
    with pytest.raises(ValueError, match=message):
        leep(proba, [0, 0, 1, 1])


def test_nce():
    rng = np.random.default_rng(0)
    z, y = rng.integers(4, size=50), rng.integers(3, size=50)
    total = 0
    for i in range(50):
        same = z == z[i]
        total += np.log(np.mean(y[same] == y[i])) / 50
    assert nce(z, y) == pytest.approx(total, rel=1e-12)
    assert nce(np.array(list("badc"))[z], y) == pytest.approx(total, rel=1e-12)
    assert nce(np.zeros(50), y) <= nce(z, y) <= nce(y, y) == 0


def test_nce_is_leep_of_sure_predictions():
    rng = np.random.default_rng(0)
    z, y = rng.integers(4, size=50), rng.integers(3, size=50)
    assert nce(z, y) == pytest.approx(leep(np.eye(4)[z], y))


def test_nce_of_bad_source_labels():
    with pytest.raises(ValueError, match="source_labels has 3 labels for 4 samples"):
        nce([0, 1, 1], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="source_labels has missing labels"):
        nce([0, 1, 1, None], [0, 0, 1, 1])


def covariance_of_means(F, y):
    means = np.array([F[y == label].mean(axis=0) for label in y])
    return np.atleast_2d(np.cov(means.T, bias=True))


@SHAPES
def test_h_score(shape):
    F, y = random_rows(*shape)
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(F.T, bias=True)))
    expected = np.trace(inverse @ covariance_of_means(F, y))
    assert h_score(F, y, shrinkage=None) == pytest.approx(expected, rel=1e-8)


@SHAPES
@pytest.mark.parametrize("spread", [0, 2])
def test_shrunk_h_score(shape, spread):
    F, y = random_rows(*shape)
    F *= np.exp(spread * np.linspace(0, 1, shape[1]))
    covariance, shrinkage = ledoit_wolf(F)
    expected = np.trace(
        np.linalg.inv(covariance) @ covariance_of_means(F, y) * (1 - shrinkage)
    )
    assert h_score(F, y) == pytest.approx(expected, rel=1e-8)


def test_plain_h_score_cannot_tell_wide_features_apart():
    F, y = random_rows(20, 50)
    noise = np.random.default_rng(1).normal(size=F.shape)
    assert h_score(F, y, shrinkage=None) == pytest.approx(2)
    assert h_score(noise, y, shrinkage=None) == pytest.approx(2)
    assert h_score(F, y) > h_score(noise, y)


def test_h_score_of_bad_shrinkage():
    with pytest.raises(ValueError, match="'shrinkage' parameter of h_score must be"):
        h_score(*random_rows(20, 3), shrinkage="yes")


@SHAPES
def test_transrate(shape):
    F, y = random_rows(*shape)
    y[:3] = 0, 1, 2

    def rate(Z):
        n, d = Z.shape
        return 0.5 * np.log(np.linalg.det(np.eye(d) + Z.T @ Z / (n * 1e-4)))

    Z = F - F.mean(axis=0)
    expected = rate(Z)
    for k in range(3):
        expected -= rate(Z[y == k]) / 3
    assert transrate(F, y) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("shape", [(60, 4), (40, 1), (15, 40), (100, 70)])
def test_gbc(shape):
    F, y = random_rows(*shape)
    F = PCA(min(*shape, 64)).fit_transform(F)
    rank = np.linalg.matrix_rank(F)
    F = F[:, :rank]
    expected = 0
    for a in range(3):
        for b in range(3):
            if a == b:
                continue
            means = [F[y == k].mean(axis=0) for k in (a, b)]
            spheres = [F[y == k].var(axis=0).mean() * np.eye(rank) for k in (a, b)]
            middle = sum(spheres) / 2
            difference = means[0] - means[1]
            distance = difference @ np.linalg.inv(middle) @ difference / 8
            logs = [np.linalg.slogdet(s).logabsdet for s in (middle, *spheres)]
            distance += 0.5 * (logs[0] - (logs[1] + logs[2]) / 2)
            expected -= np.exp(-distance)
    assert gbc(F, y) == pytest.approx(expected, rel=1e-8)


def test_gbc_of_equal_classes_counts_all_pairs():
    F = np.tile(np.random.default_rng(0).normal(size=(10, 3)), (3, 1))
    assert gbc(F, np.repeat([0, 1, 2], 10)) == pytest.approx(-6)


def test_nleep():
    F, y = random_rows(300, 10)
    Z = PCA(0.8).fit_transform(F)
    score = nleep(F, y)
    values = []
    for seed in range(3):
        mixture = GaussianMixture(15, random_state=seed).fit(Z)
        values.append(leep(mixture.predict_proba(Z), y))
    assert min(values) - 0.05 < score < max(values) + 0.05


def test_nleep_with_fewer_rows_than_parts():
    F, y = random_rows(12, 5)
    assert nleep(F, y) == pytest.approx(0, abs=1e-6)


def test_nleep_fits_to_some_of_many_rows(monkeypatch):
    F, y = random_rows(2000, 5)
    whole = nleep(F, y)
    monkeypatch.setattr("sktransfer.transferability.mixture._MAX_SAMPLES", 1000)
    assert nleep(F, y) == pytest.approx(whole, abs=0.1)


def test_nleep_seed():
    F, y = random_rows(200, 5)
    assert nleep(F, y, random_state=1) == nleep(F, y, random_state=1)
    assert nleep(F, y, random_state=np.random.RandomState(0)) < 0
    with pytest.raises(ValueError, match="'random_state' parameter of nleep must be"):
        nleep(F, y, random_state="a")


@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 4])
def test_knn_score(n_neighbors):
    F, y = random_rows(50, 4)
    expected = 0
    for i in range(50):
        distances = [
            np.inf if j == i else np.sum((F[i] - F[j]) ** 2) for j in range(50)
        ]
        votes = [0, 0, 0]
        for j in np.argsort(distances)[:n_neighbors]:
            votes[y[j]] += 1
        if votes[y[i]] == max(votes):
            expected += 1 / votes.count(max(votes)) / 50
    assert knn_score(F, y, n_neighbors=n_neighbors) == pytest.approx(expected)


def test_knn_score_far_from_the_origin():
    F, y = random_rows(50, 4)
    assert knn_score(F + 1e6, y) == knn_score(F, y)


def test_knn_score_of_some_of_many_rows(monkeypatch):
    F, y = random_rows(1000, 4)
    whole = knn_score(F, y)
    monkeypatch.setattr("sktransfer.transferability.neighbors._MAX_SAMPLES", 500)
    assert knn_score(F, y) == pytest.approx(whole, abs=0.1)
    assert knn_score(F, y) == knn_score(F, y) != whole


@pytest.mark.parametrize(
    ("n_neighbors", "message"),
    [
        (0, "'n_neighbors' parameter of knn_score must be an int"),
        (20, "n_neighbors=20 with 20 samples; expected fewer"),
    ],
)
def test_knn_score_of_bad_neighbors(n_neighbors, message):
    with pytest.raises(ValueError, match=message):
        knn_score(*random_rows(20, 3), n_neighbors=n_neighbors)


def test_values_of_the_authors_code():
    """Printed by the Transfer-Learning-Library of the authors of LogME."""
    F, y = waves(60, 4)
    proba = np.exp(F) / np.exp(F).sum(axis=1, keepdims=True)
    assert leep(proba, y) == pytest.approx(-1.0222573521648086)
    assert nce(proba.argmax(axis=1), y) == pytest.approx(-0.915341800590381)
    assert h_score(F, y, shrinkage=None) == pytest.approx(0.5719228206633712)
    assert transrate(F, y) == pytest.approx(0.31452410455711544)
    # It stops once a step changes the ratio of the precisions by less than 1 %.
    assert logme(F, y) == pytest.approx(-0.7803026795064433, abs=1e-4)
    F, y = waves(12, 20)
    assert logme(F, y) == pytest.approx(-0.764938828040434, abs=1e-2)
    assert transrate(F, y) == pytest.approx(26.898355301996343)
    # It divides one covariance by n and the other by n - 1.
    assert h_score(F, y) == pytest.approx(0.9311030403 * 11 / 12, rel=1e-4)
