import numpy as np
import pytest

from sktransfer.model_selection import BNMScorer


def test_sum_of_singular_values(model, rows):
    X, _, sample_domain = rows
    proba = model.predict_proba(X[sample_domain < 0])
    gram = np.zeros((3, 3))
    for p in proba:
        gram += np.outer(p, p)
    expected = sum(np.sqrt(value) for value in np.linalg.eigvalsh(gram)) / len(proba)
    assert BNMScorer()(model, *rows) == pytest.approx(expected, rel=1e-9)
