import math

import numpy as np
import pytest

from sktransfer.model_selection import SoftNeighborhoodDensity, neighborhood


def density(proba, temperature):
    scaled = [p / math.sqrt(sum(x * x for x in p)) for p in proba]
    total = 0.0
    for i, one in enumerate(scaled):
        weights = [
            math.exp(float(np.dot(one, other)) / temperature)
            for j, other in enumerate(scaled)
            if j != i
        ]
        shares = [weight / sum(weights) for weight in weights]
        total -= sum(share * math.log(share) for share in shares)
    return total / len(scaled)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_mean_entropy_of_similarities(temperature, model, rows):
    X, _, sample_domain = rows
    expected = density(model.predict_proba(X[sample_domain < 0]), temperature)
    scorer = SoftNeighborhoodDensity(temperature=temperature)
    assert scorer(model, *rows) == pytest.approx(expected, rel=1e-10)


def test_blocks_of_rows_change_nothing(model, rows, monkeypatch):
    whole = SoftNeighborhoodDensity()(model, *rows)
    monkeypatch.setattr(neighborhood, "_BLOCK_ROWS", 7)
    assert SoftNeighborhoodDensity()(model, *rows) == pytest.approx(whole, rel=1e-12)


def test_temperature_must_be_positive(model, rows):
    with pytest.raises(ValueError, match=r"'temperature'.*0"):
        SoftNeighborhoodDensity(temperature=0)(model, *rows)
