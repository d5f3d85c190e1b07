"""How well the scores foretell the accuracies."""

import numpy as np
from scipy.stats import kendalltau, weightedtau

from transferability_cases.run import SCORES
from transferability_cases.targets import TARGETS

# What fine-tuning each candidate once would say: the accuracies with one draw of the
# labels, against their mean over the other draws.
ONCE = "fine-tuning once"
_CORRELATION = {"weighted tau": weightedtau, "Kendall's tau": kendalltau}
MEASURES = (*_CORRELATION, "accuracy lost")


class Results:
    """Scores and accuracies of the candidates.

    Parameters
    ----------
    records : iterable of dict
        One for each candidate, target and seed. Those of the candidates that lack a
        seed of their target are left out.
    """

    def __init__(self, records):
        self._records, versions = {}, set()
        for record in records:
            candidates = self._records.setdefault(record["target"], {})
            of_seed = candidates.setdefault((record["backbone"], record["layer"]), {})
            of_seed[record["seed"]] = record
            versions |= set(record["versions"].split(", "))
        self.versions = sorted(versions)
        for target, candidates in self._records.items():
            seeds = set().union(*candidates.values())
            self._records[target] = {
                name: of_seed
                for name, of_seed in candidates.items()
                if set(of_seed) == seeds
            }

    def targets(self):
        """Targets that there are results for."""
        return [target for target in TARGETS if target in self._records]

    def candidates(self, target):
        """Pairs of a backbone and a layer with results for a target."""
        return list(self._records[target])

    def accuracies(self, target):
        """Accuracy of each candidate with each seed, an array of that shape."""
        return np.array(
            [
                [record["accuracy"] for _, record in sorted(of_seed.items())]
                for of_seed in self._records[target].values()
            ]
        )

    def scores(self, target, score):
        """Score of each candidate with each seed; NaN where it has none."""
        return np.array(
            [
                [
                    record["scores"].get(score, np.nan)
                    for _, record in sorted(of_seed.items())
                ]
                for of_seed in self._records[target].values()
            ]
        )

    def measure(self, target, score, measure):
        """Say how well a score foretells the accuracies, with each seed.

        Parameters
        ----------
        target : str
            Target.
        score : str
            One of `SCORES`, or `ONCE`.
        measure : {"weighted tau", "Kendall's tau", "accuracy lost"}
            Rank correlation with the mean accuracy over the seeds, or how much less
            that of the candidate with the greatest score is than the greatest.

        Returns
        -------
        ndarray of shape (n_seeds,)
        """
        accuracies = self.accuracies(target)
        n_seeds = accuracies.shape[1]
        scores = accuracies if score == ONCE else self.scores(target, score)
        found = []
        for seed in range(n_seeds):
            truth = accuracies.mean(axis=1)
            if score == ONCE:
                truth = np.delete(accuracies, seed, axis=1).mean(axis=1)
            known = ~np.isnan(scores[:, seed])
            told, truth = scores[known, seed], truth[known]
            if measure in _CORRELATION:
                found.append(_CORRELATION[measure](told, truth).statistic)
            else:
                # Of equals none is the first choice.
                best = told == told.max()
                found.append(truth.max() - truth[best].mean())
        return np.array(found)

    def mean(self, score, measure):
        """Mean of a measure over targets and seeds."""
        return np.mean([self.measure(t, score, measure) for t in self.targets()])

    def ranked_scores(self):
        """Scores that all candidates have, by their mean weighted tau; then the others.

        Returns
        -------
        list of str
        """
        everywhere = {
            score: all(
                not np.isnan(self.scores(target, score)).any()
                for target in self.targets()
            )
            for score in SCORES
        }
        return sorted(
            SCORES, key=lambda s: (not everywhere[s], -self.mean(s, "weighted tau"))
        )
