"""What the default does, and its evidence: adapt only where it seems to help."""

import contextlib
import functools
import itertools

import numpy as np

from sktransfer._evidence import evidence_row
from sktransfer._label_shift import (
    MAX_IMBALANCE,
    MAX_UNEXPLAINED,
    MIN_CONFIDENCE_DROP,
    MIN_UNCERTAINTY_RATIO,
)
from sktransfer._results_table import ResultsTable
from sktransfer._statistics import cohen_kappa, mutual_information
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.label_shift_checks import (
    MAX_AMPLIFICATION,
    MAX_DOMAIN_AUC,
    domain_auc,
    estimate_label_shift,
)
from sktransfer.adaptation.methods.domain_standardize import DomainStandardize
from sktransfer.adaptation.methods.ensemble import Ensemble
from sktransfer.adaptation.methods.label_shift import LabelShift
from sktransfer.adaptation.methods.source_only import SourceOnly
from sktransfer.adaptation.methods.stacking import Stacking
from sktransfer.adaptation.parameter_checks import NON_NEGATIVE, check_methods
from sktransfer.exceptions import NonFiniteLossError

# Total variation of the class priors from which another one may explain the shift, and
# fraction of the greatest possible one from which predictions are corrected. A change
# of the features can look like a smaller label shift, and then the correction costs
# more than it gains.
_MIN_TOTAL_VARIATION, _LARGE_SHIFT = 0.1, 0.7
# With this area under the ROC curve another class prior does not explain a shift.
_SEPARABLE_AUC = 0.9
# If the ensemble agrees less with a candidate that is clearly better than the source
# network, it is not trusted.
_MIN_AGREEMENT = 0.4
# The methods agree by so much more with each other than with the source network.
_MIN_EXCESS_AGREEMENT = 0.1
# Networks of the estimates, each trained without one fold of the source.
_N_SPLITS = 3


class Auto(AdaptationMethod):
    r"""Choose a method by the kind of shift, or none: the default.

    No method helps under every shift. A method that aligns the features moves samples
    of one class to another if the class priors differ. A correction for class priors is
    wrong if the features differ. So the choice uses samples of the target without
    labels. These questions are asked in turn; the first "yes" decides:

    1. Is it a large label shift? Another class prior explains how the predictions
       differ (first check of :class:`LabelShift`), its total variation from that of the
       source is above 0.7 times the greatest possible value, the estimate is stable
       (second check), and a linear classifier cannot separate the domains otherwise
       (third check). Then predictions are corrected by :class:`LabelShift`.
    2. Does the source network fail on the target? Its uncertainty, 1 minus the mean of
       the greatest calibrated probability, is at least 2 times that on source samples
       that were held aside, and higher by 0.02; and no other class prior explains the
       difference. Then an :class:`Ensemble` of the `members` is used. But if one of the
       `candidates` is clearly better than the source network, as in question 3, and
       Cohen's kappa of it and the ensemble is below 0.4, this candidate is used.
    3. Is one of the `candidates` clearly better? Its mutual information of sample and
       predicted class on the target [1]_, :math:`H(\overline{p_t}) -
       \overline{H(p_t)}`, exceeds that of the source network by `margin` times
       :math:`\log C`, the largest possible value with C classes. If another class prior
       explains the difference, the members must also agree, as in question 4. Then
       this candidate is used.
    4. Do the members agree? Their mean Cohen's kappa with each other is higher by 0.1
       than that with the source network. Then the :class:`Ensemble` is used.

    In questions 2 and 3, another class prior is no explanation if the linear classifier
    of question 1 separates the domains with an area under the ROC curve above 0.9.

    The members pull predictions towards equal classes. So question 2 counts only if the
    class prior of the source has a total variation of at most 0.15 from equal classes.

    Otherwise the network is that of :class:`SourceOnly`. If there are labels of the
    target that may be used, all of this is one of the models that :class:`Stacking`
    weighs by these labels.

    The attribute ``method_`` of the estimator is the chosen method, and ``decision_``
    is a table of the evidence. The method adds no loss of its own. The time is about
    that of ten trainings on the source. With ``members=[]`` it is about five, and with
    one candidate as well, such as ``candidates=[DomainStandardize(guard=False)]``,
    about four.

    Parameters
    ----------
    trade_off : float, default=1.0
        0 disables adaptation. Other values have no effect, because each method has its
        own.
    candidates : list of AdaptationMethod or None, default=None
        Methods to choose from in question 3. None means :class:`DAN`, and
        :class:`DomainStandardize` without its guard, which question 1 replaces.
    members : list of AdaptationMethod or None, default=None
        Methods of the ensemble. None means those of :class:`Ensemble`. An empty list
        skips questions 2 and 4.
    margin : float, default=0.15
        Minimum gain of the mutual information, as a fraction of the largest possible
        value.

    References
    ----------
    .. [1] Shi & Sha (2012). Information-Theoretical Learning of Discriminative Clusters
       for Unsupervised Domain Adaptation. ICML. arXiv:1206.6438
    """

    _parameter_constraints = {
        "candidates": [tuple, list, None],
        "members": [tuple, list, None],
        "margin": [NON_NEGATIVE],
    }

    def __init__(self, trade_off=1.0, *, candidates=None, members=None, margin=0.15):
        self.trade_off = trade_off
        self.candidates = candidates
        self.members = members
        self.margin = margin

    def check_parameters(self):
        """Check the parameters, and those of the candidates and members."""
        super().check_parameters()
        check_methods(self, "candidates", self.candidates)
        check_methods(self, "members", self.members)

    def adapt(self, task):
        """Choose a method and train with it; see the base class."""
        if (task.source.sample_weight[task.source_domains < 0] > 0).any():
            return Stacking(method=self).adapt(task)
        choice = _Choice(task, self)
        method, fit = choice.choose()
        attributes = {"method": method, "decision": ResultsTable(choice.rows)}
        return fit.replace(attributes=fit.attributes | attributes)


class _Choice:
    """Trains the methods, asks the questions and notes the answers."""

    def __init__(self, task, auto):
        self._task, self._auto = task, auto
        # By method: methods are equal only if they are the same object.
        self.rows, self._fits, self._proba = [], {}, {}
        self._source_only = SourceOnly()
        is_source = task.source_domains >= 0
        largest = np.bincount(task.source.y[is_source]).max()
        # With fewer than two samples of each class this raises an error.
        self._n_splits = int(max(2, min(_N_SPLITS, largest)))
        self._estimate = estimate_label_shift(task, auto, n_splits=self._n_splits)

    def choose(self):
        """Return the chosen method and its fit."""
        label_shift = LabelShift(guard=False, n_splits=self._n_splits)
        if self._is_large_label_shift():
            return label_shift, label_shift.correct_for(self._task, self._estimate)
        source_only = self._source_only
        self._add(source_only, self._task.source_fit)
        candidates, members = self._methods()
        for method in (*candidates, *members):
            self._train(method)
        is_label_shift = self._is_label_shift()
        best, is_better = self._best_candidate(candidates)
        ensemble = Ensemble(methods=self._auto.members)
        members = [m for m in members if m in self._fits]
        agree = False
        if members:
            agree = self._members_agree(members)
            if self._is_balanced() and not is_label_shift and self._source_fails():
                if is_better and not self._agrees(best, members):
                    return best, self._fits[best]
                return ensemble, self._combine(ensemble, members)
        if is_better and (agree or not is_label_shift):
            return best, self._fits[best]
        if agree:
            return ensemble, self._combine(ensemble, members)
        return source_only, self._fits[source_only]

    def _is_label_shift(self):
        """Return whether another class prior explains how the predictions differ."""
        estimate = self._estimate
        if not estimate.is_plausible:
            return False
        if estimate.total_variation <= _MIN_TOTAL_VARIATION:
            return False
        name = "AUC of the domains, for a smaller label shift"
        return self._note(name, self._auc, "<=", _SEPARABLE_AUC)

    @functools.cached_property
    def _auc(self):
        return domain_auc(self._task, self._task.source_fit, self._estimate)

    def _is_large_label_shift(self):
        estimate = self._estimate
        is_explained = self._note(
            "unexplained by a class prior", estimate.unexplained, "<=", MAX_UNEXPLAINED
        )
        limit = _LARGE_SHIFT * (1 - estimate.source_prior.min())
        is_large = self._note(
            "total variation of the class prior", estimate.total_variation, ">", limit
        )
        if not (is_explained and is_large):
            return False
        if not self._note(
            "amplification of the class prior",
            estimate.amplification,
            "<=",
            MAX_AMPLIFICATION,
        ):
            return False
        return self._note("AUC of the domains", self._auc, "<=", MAX_DOMAIN_AUC)

    def _methods(self):
        """List the candidates and the members."""
        is_frozen = self._task.frozen_depth == self._task.backbone.n_layers
        candidates, members = self._auto.candidates, self._auto.members
        dan, *others = Ensemble().members()
        if candidates is None:
            candidates = [DomainStandardize(guard=False)]
            candidates += [] if is_frozen else [dan]
        if members is None:
            members = [] if is_frozen else [dan, *others]
        return candidates, members

    def _train(self, method):
        """Train by a method, unless its loss is not finite."""
        if method in self._fits:
            return
        with contextlib.suppress(NonFiniteLossError):
            self._add(method, method.adapt(self._task))

    def _add(self, method, fit):
        self._fits[method] = fit
        self._proba[method] = self._task.proba(fit, self._task.target)

    def _best_candidate(self, candidates):
        """Return the best candidate, and whether it is better than the source."""
        score = mutual_information(self._proba[self._source_only])
        limit = score + self._auto.margin * np.log(self._task.n_classes)
        best, best_score = None, -np.inf
        for method in candidates:
            if method in self._fits:
                score = mutual_information(self._proba[method])
                self._note(f"mutual information of {method}", score, ">", limit)
                if score > best_score:
                    best, best_score = method, score
        return best, best_score > limit

    def _is_balanced(self):
        """Whether the classes of the source have about the same size."""
        name = "total variation of the source from equal classes"
        return self._note(name, self._estimate.imbalance, "<=", MAX_IMBALANCE)

    def _source_fails(self):
        estimate = self._estimate
        ratio = estimate.uncertainty_ratio
        name = "uncertainty on the target, divided by that on the source"
        if not self._note(name, ratio, ">=", MIN_UNCERTAINTY_RATIO):
            return False
        drop = estimate.confidence_drop
        return self._note("fall of the confidence", drop, ">=", MIN_CONFIDENCE_DROP)

    def _members_agree(self, members):
        if len(members) < 2:
            return False
        labels = [self._predicted(name) for name in members]
        source = self._predicted(self._source_only)
        pairs = itertools.combinations(labels, 2)
        among = [cohen_kappa(*pair) for pair in pairs]
        excess = np.mean(among) - np.mean([cohen_kappa(y, source) for y in labels])
        return self._note(
            "agreement of the members, minus that with the source network",
            excess,
            ">=",
            _MIN_EXCESS_AGREEMENT,
        )

    def _agrees(self, candidate, members):
        kappa = cohen_kappa(self._predicted(candidate), self._mean(members))
        name = f"agreement of {candidate} with the ensemble"
        return self._note(name, kappa, ">=", _MIN_AGREEMENT)

    def _mean(self, members):
        """Return the classes that the ensemble predicts."""
        proba = np.mean([self._proba[name] for name in members], axis=0)
        return proba.argmax(axis=1)

    def _predicted(self, name):
        return self._proba[name].argmax(axis=1)

    def _combine(self, ensemble, members):
        return ensemble.combine(self._task, [self._fits[name] for name in members])

    def _note(self, name, value, comparison, limit):
        """Add a row to the table; return whether the condition holds."""
        self.rows.append(evidence_row(name, value, comparison, limit))
        return self.rows[-1]["holds"]
