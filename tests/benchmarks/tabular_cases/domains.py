"""A source and a few labels of a target: the domain as a column of one table."""

import sys

import numpy as np
from adaptation_cases.tables import TABLES
from benchmark_tools.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

N_LABELS, MAX_ROWS, SEEDS = 50, 500, (0, 1, 2)


def measure():
    """Compare what learns from both domains, and from the target's labels alone.

    Returns
    -------
    Table
    """
    found = {}
    for name, case in TABLES.items():
        for seed in SEEDS:
            for method, (auc, loss) in _scores(case.draw(seed), seed).items():
                found.setdefault(method, []).append((auc, loss))
        print(name, file=sys.stderr, flush=True)
    rows = [("method", "rows learned from", "AUC", "log loss")]
    for (method, learned), values in found.items():
        auc, loss = np.mean(values, axis=0)
        rows.append((method, learned, f"{auc:.3f}", f"{loss:.3f}"))
    note = (
        f"Means over {len(TABLES)} pairs and {len(SEEDS)} draws: up to {MAX_ROWS} rows "
        f"of the source and {N_LABELS} labeled ones of the target, on other rows. "
        "Where there are rows of both, a column tells them apart."
    )
    return Table("A source and a few labels of the target", note, rows)


def _scores(rows, seed):
    from sktransfer import DomainAdaptedClassifier, TransferClassifier

    rng = np.random.default_rng(seed)
    source = rng.permutation(len(rows.X_source))[:MAX_ROWS]
    order = rng.permutation(len(rows.X_target))
    labeled, new = order[:N_LABELS], order[N_LABELS : N_LABELS + MAX_ROWS]
    X_few, y_few = rows.X_target[labeled], rows.y_target[labeled]
    X_new, y_new = rows.X_target[new], rows.y_target[new]
    X = np.concatenate([rows.X_source[source], X_few])
    y = np.concatenate([rows.y_source[source], y_few])
    domain = np.repeat([0, -1], [len(source), len(labeled)])
    told = np.column_stack([X, domain])
    told_new = np.column_stack([X_new, np.full(len(X_new), -1)])

    def logistic():
        search = LogisticRegressionCV(
            scoring="neg_log_loss", max_iter=2000, use_legacy_attributes=False
        )
        return make_pipeline(StandardScaler(), search)

    tabular = {"backbone": "tabular", "random_state": seed}
    adapted = DomainAdaptedClassifier(target_labels="use", **tabular)
    fits = {
        ("tabular", "both"): (adapted.fit(X, y, sample_domain=domain), X_new),
        ("tabular", "both, not told apart"): (
            TransferClassifier(**tabular).fit(X, y),
            X_new,
        ),
        ("tabular", "target"): (TransferClassifier(**tabular).fit(X_few, y_few), X_new),
        ("logistic-tuned", "both"): (logistic().fit(told, y), told_new),
        ("logistic-tuned", "target"): (logistic().fit(X_few, y_few), X_new),
        ("boosting", "both"): (
            HistGradientBoostingClassifier(random_state=seed).fit(told, y),
            told_new,
        ),
    }
    results = {}
    for method, (model, new_rows) in fits.items():
        proba = np.clip(model.predict_proba(new_rows)[:, 1], 1e-6, 1 - 1e-6)
        results[method] = roc_auc_score(y_new, proba), log_loss(y_new, proba)
    return results
