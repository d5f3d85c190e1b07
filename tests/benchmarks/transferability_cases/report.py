"""What the results say, as tables of text and as a plot."""

import numpy as np
from benchmark_tools.table import Table

from transferability_cases.results import MEASURES, ONCE
from transferability_cases.run import SCORES

_CONTROLS = ("dense random", "convolutional random", "raw inputs")


def all_tables(results):
    """Make every table: the scores, the targets, and the candidates of each target.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Table
    """
    return [
        *guide_tables(results),
        *(accuracies(results, t) for t in results.targets()),
    ]


def guide_tables(results):
    """Make the tables of the user guide; see :func:`all_tables`."""
    return [by_score(results), by_target(results)]


def by_score(results):
    """Make the table of the means of each score, the best first."""
    rows = [("score", *MEASURES, "seeds above 0.75")]
    for score in (*results.ranked_scores(), ONCE):
        means = [results.mean(score, measure) for measure in MEASURES]
        taus = np.concatenate(
            [results.measure(t, score, "weighted tau") for t in results.targets()]
        )
        rows.append(
            (
                _name(score),
                *(f"{mean:.2f}" for mean in means[:2]),
                f"{100 * means[2]:.1f}",
                f"{np.sum(taus >= 0.75)} of {len(taus)}",
            )
        )
    targets = results.targets()
    n = len(results.candidates(targets[0]))
    n_seeds = results.accuracies(targets[0]).shape[1]
    note = (
        f"Means over {len(targets)} targets and {n_seeds} draws of the labeled rows. "
        f"Each score ranks {n} candidates, pairs of a backbone and a feature layer; "
        "leep and nce only the backbones with a classifier of digits. Their truth is "
        "the mean accuracy of the fine-tuned networks over the draws; the ImageNet "
        "network is trained for 5 epochs, the others as by default. Accuracy lost is "
        "how many points the candidate with the greatest score is behind the best. "
        "For comparison there are cross-validated logistic regression on the features, "
        "and the accuracy of fine-tuning every candidate, with one draw, against its "
        "mean over the other draws."
    )
    return Table("How well the scores foretell the accuracies", note, rows)


def by_target(results):
    """Make the table of the weighted tau of each score on each target."""
    targets = results.targets()
    rows = [("score", *targets)]
    for score in (*results.ranked_scores(), ONCE):
        cells = []
        for target in targets:
            taus = results.measure(target, score, "weighted tau")
            cells.append(f"{taus.mean():.2f} ± {taus.std():.2f}")
        rows.append((_name(score), *cells))
    note = "Mean and standard deviation over draws of the labeled rows."
    return Table("Weighted tau on each target", note, rows)


def accuracies(results, target):
    """Make the table of the candidates of a target, the best first."""
    measured = 100 * results.accuracies(target)
    order = np.argsort(-measured.mean(axis=1), kind="stable")
    rows = [("backbone", "feature layer", "accuracy", *SCORES)]
    candidates = results.candidates(target)
    means = {score: results.scores(target, score).mean(axis=1) for score in SCORES}
    for i in order:
        told = (means[score][i] for score in SCORES)
        rows.append(
            (
                *candidates[i],
                f"{measured[i].mean():.1f} ± {measured[i].std():.1f}",
                *("" if np.isnan(value) else f"{value:.2f}" for value in told),
            )
        )
    return Table(f"Candidates for {target}", "Means over draws.", rows)


def plot(results, file, score="logme"):
    """Draw the taus of all scores, and one score against the accuracies.

    Parameters
    ----------
    results : Results
    file : Path
        PNG file.
    score : str
        The score that is drawn against the accuracies.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    from sktransfer.plotting import TransferabilityDisplay

    targets = results.targets()
    figure, all_axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    all_axes = all_axes.ravel()
    _draw_taus(all_axes[0], results)
    for axes, target in zip(all_axes[1:], targets, strict=False):
        candidates = results.candidates(target)
        display = TransferabilityDisplay(
            candidates=[f"{name} at {layer}" for name, layer in candidates],
            scores=results.scores(target, score).mean(axis=1),
            controls=[name in _CONTROLS for name, _ in candidates],
            accuracies=results.accuracies(target).mean(axis=1),
        ).plot(axes)
        # Their legends would cover points; one is enough.
        axes.get_legend().remove()
        axes.set(
            title=f"{target}: weighted tau {display.weighted_tau_:.2f}",
            xlabel=score,
            ylabel="accuracy of the fine-tuned network",
        )
    all_axes[1].legend(loc="upper left", fontsize="small")
    for axes in all_axes[1 + len(targets) :]:
        axes.remove()
    figure.savefig(file, dpi=100)


def _draw_taus(axes, results):
    scores = [*results.ranked_scores(), ONCE]
    markers = "os^Dvx"
    for target, marker in zip(results.targets(), markers, strict=False):
        taus = [results.measure(target, s, "weighted tau").mean() for s in scores]
        axes.plot(
            taus, range(len(scores)), marker, color="#555555", mfc="none", label=target
        )
    means = [results.mean(score, "weighted tau") for score in scores]
    axes.plot(means, range(len(scores)), "|", color="black", ms=14, mew=3, label="mean")
    axes.set_yticks(range(len(scores)), map(_name, scores))
    axes.invert_yaxis()
    axes.set_xlabel("weighted tau")
    axes.grid(alpha=0.3)
    # Room for the legend beside the worst of them.
    axes.set_xlim(-0.7, 1)
    axes.legend(fontsize="x-small", loc="upper left")


def _name(score):
    return f"{score}, 5 folds" if score == "logistic regression" else score
