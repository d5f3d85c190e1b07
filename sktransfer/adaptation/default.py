"""What the default does, and its evidence: adapt only where it seems to help."""

from dataclasses import replace

import numpy as np
from scipy.special import softmax

from sktransfer._statistics import mutual_information
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.label_shift_checks import (
    MAX_DOMAIN_AUC,
    domain_auc,
    estimate_label_shift,
)
from sktransfer.adaptation.methods.dan import DAN
from sktransfer.adaptation.methods.domain_standardize import DomainStandardize
from sktransfer.adaptation.methods.label_shift import LabelShift
from sktransfer.adaptation.methods.source_only import SourceOnly
from sktransfer.adaptation.parameter_checks import NON_NEGATIVE

# Total variation of the class priors. Above the first value features are not aligned.
# Above the second value predictions are corrected. A change of the features can look
# like a smaller label shift, and then the correction costs more than it gains.
_MIN_TOTAL_VARIATION, _LARGE_TOTAL_VARIATION = 0.1, 0.5


class Auto(AdaptationMethod):
    r"""Choose a method by the kind of shift, or none: the default.

    No method helps under every shift. A method that aligns the features moves samples
    of one class to another if the class priors differ. A correction for class priors is
    wrong if the features differ. So the choice uses samples of the target without
    labels:

    1. The first check of :class:`LabelShift` is made. If another class prior explains
       how the predictions differ, the features are not aligned. The predictions are
       corrected by :class:`LabelShift` if two more conditions hold. The class priors
       differ by a total variation above 0.5. And the second check, with the
       source weighted to the estimated class prior, cannot separate the domains.
       Otherwise a label shift is only one of two explanations, and the network is that
       of :class:`SourceOnly`.
    2. If no other class prior explains the difference, each candidate is trained. Its
       score is the mutual information of sample and predicted class on the target [1]_,
       the score of :class:`~sktransfer.model_selection.InfoMaxScorer`,

       .. math:: H(\overline{p_t}) - \overline{H(p_t)}

       The best candidate is chosen if its score exceeds that of the source-only network
       by `margin` times :math:`\log C`, the largest possible score with C classes.
       Otherwise the network is that of :class:`SourceOnly`.

    The attribute ``method_`` of the estimator is the chosen method. The method adds no
    loss of its own. It takes three to four trainings on the source and one of each
    candidate.

    Parameters
    ----------
    trade_off : float, default=1.0
        0 disables adaptation. Other values have no effect, because each candidate has
        its own.
    candidates : list of AdaptationMethod or None, default=None
        Methods to choose from in step 2. None means :class:`DAN`, and
        :class:`DomainStandardize` without its guard, which step 1 replaces.
    margin : float, default=0.15
        Minimum gain of the score, as a fraction of the largest possible score.

    References
    ----------
    .. [1] Shi & Sha (2012). Information-Theoretical Learning of Discriminative Clusters
       for Unsupervised Domain Adaptation. ICML. arXiv:1206.6438
    """

    _parameter_constraints = {
        "candidates": [tuple, list, None],
        "margin": [NON_NEGATIVE],
    }

    def __init__(self, trade_off=1.0, *, candidates=None, margin=0.15):
        self.trade_off = trade_off
        self.candidates = candidates
        self.margin = margin

    def check_parameters(self):
        """Check the parameters, and those of the candidates."""
        super().check_parameters()
        for candidate in self.candidates or ():
            if not isinstance(candidate, AdaptationMethod):
                raise TypeError(
                    f"The 'candidates' parameter of Auto has {candidate!r}; expected "
                    "objects of sktransfer.adaptation, such as DAN()."
                )
            candidate.check_parameters()

    def adapt(self, task):
        """Choose a method and train with it; see the base class."""
        source_only = task.train()
        estimate = estimate_label_shift(task, self)
        if estimate.is_plausible and estimate.total_variation > _MIN_TOTAL_VARIATION:
            method, fit = _correct_large_shift(task, source_only, estimate)
        else:
            method, fit = self._choose_candidate(task, source_only)
        return replace(fit, attributes=fit.attributes | {"method": method})

    def _choose_candidate(self, task, source_only):
        """Train the candidates; return the best method and its fit."""
        method, fit = SourceOnly(), source_only
        best_score = _mutual_information(task, source_only)
        best_score += self.margin * np.log(task.n_classes)
        candidates = self.candidates
        if candidates is None:
            candidates = [DomainStandardize(guard=False)]
            if task.frozen_depth < task.backbone.n_layers:
                candidates.append(DAN())
        for candidate in candidates:
            candidate_fit = candidate.adapt(task)
            score = _mutual_information(task, candidate_fit)
            if score > best_score:
                method, fit, best_score = candidate, candidate_fit, score
        return method, fit


def _correct_large_shift(task, source_only, estimate):
    """Correct a clear and large label shift; return the method and its fit."""
    if (
        estimate.total_variation > _LARGE_TOTAL_VARIATION
        and domain_auc(task, source_only, estimate) <= MAX_DOMAIN_AUC
    ):
        method = LabelShift(guard=False)
        return method, method.adapt(task)
    return SourceOnly(), source_only


def _mutual_information(task, fit):
    """Compute the mutual information of target sample and predicted class, in nats."""
    proba = softmax(task.logits(fit, task.target), axis=1)
    return mutual_information(proba)
