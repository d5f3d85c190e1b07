"""Auto: adapt only where the target itself says that it helps."""

import dataclasses

import numpy as np
from scipy.special import entr, softmax

from sktransfer.adaptation._parameters import NOT_NEGATIVE, SequenceOf
from sktransfer.adaptation._shift_test import (
    MAX_SEPARABILITY,
    estimate_shift,
    separability,
)
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods.dan import DAN
from sktransfer.adaptation.methods.domain_standardize import DomainStandardize
from sktransfer.adaptation.methods.label_shift import LabelShift
from sktransfer.adaptation.methods.source_only import SourceOnly

# Total variation of the classes' shares from which on features are not aligned; and
# from which on predictions are corrected. Rows that look otherwise can pass for a
# smaller shift, and the error of a correction is greater than the gain.
_MIN_SHIFT, _GROSS_SHIFT = 0.1, 0.5


class Auto(AdaptationMethod):
    r"""Find out what kind of shift it is, and adapt if that seems to help: the default.

    No method helps under every shift: one that makes the features of the domains agree
    takes rows of one class for those of another when the classes' shares differ, and a
    correction of the shares is wrong when the rows look otherwise. So, without labels
    of the target:

    1. Label shift is tested as by the guard of :class:`LabelShift`. If other shares of
       the classes explain how the predictions differ, features are not aligned. If
       moreover the shares differ grossly (a total variation of more than 0.5), and the
       domains can hardly be told once the rows of the source are weighted by those
       shares, which is the guard's second question, predictions are corrected by
       :class:`LabelShift`. Otherwise other shares are only one of two explanations, and
       the network is that of :class:`SourceOnly`.
    2. Otherwise the candidates are trained, and judged by the mutual information of row
       and predicted class on the target, the score of
       :class:`~sktransfer.model_selection.InfoMaxScorer`,

       .. math:: H(\overline{p_t}) - \overline{H(p_t)}

       The best one is taken if it beats the source-only network by `margin` times
       :math:`\log C`, the greatest possible value; if not, nothing is adapted.

    ``method_`` of the estimator is what was chosen. It takes as long as three to four
    trainings on the source and one of each candidate.

    Parameters
    ----------
    trade_off : float, default=1.0
        0 is source-only; other values have no effect, as each candidate has its own.
    candidates : list of AdaptationMethod or None, default=None
        Methods to choose from; None is :class:`DAN` and :class:`DomainStandardize`
        without its guard, which step 1 stands for.
    margin : float, default=0.15
        Least gain that counts, as a share of the greatest possible score.
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "candidates": [SequenceOf(AdaptationMethod), None],
        "margin": [NOT_NEGATIVE],
    }

    def __init__(self, trade_off=1.0, *, candidates=None, margin=0.15):
        self.trade_off = trade_off
        self.candidates = candidates
        self.margin = margin

    def _validate_params(self):
        """Check the parameters, and those of the candidates."""
        super()._validate_params()
        for candidate in self.candidates or ():
            candidate._validate_params()

    def adapt(self, task):
        """Choose a method and train by it; see the base class."""
        source_only = task.train()
        chosen, fit = SourceOnly(), source_only
        shift = estimate_shift(task, self)
        distance = np.abs(shift.prior - shift.source_prior).sum() / 2
        if shift.is_plausible and distance > _MIN_SHIFT:
            if (
                distance > _GROSS_SHIFT
                and separability(task, source_only, shift) <= MAX_SEPARABILITY
            ):
                chosen = LabelShift(guard=False)
                fit = chosen.adapt(task)
        else:
            needed = _mutual_information(task, fit) + self.margin * np.log(
                task.n_classes
            )
            for candidate in self._candidates(task):
                tried = candidate.adapt(task)
                found = _mutual_information(task, tried)
                if found > needed:
                    chosen, fit, needed = candidate, tried, found
        return dataclasses.replace(fit, attributes=fit.attributes | {"method": chosen})

    def _candidates(self, task):
        if self.candidates is not None:
            return self.candidates
        candidates = [DomainStandardize(guard=False)]
        if task.frozen_depth < task.backbone.n_layers:
            candidates.append(DAN())
        return candidates


def _mutual_information(task, fit):
    proba = softmax(task.logits(fit, task.target), axis=1)
    return entr(proba.mean(axis=0)).sum() - entr(proba).sum(axis=1).mean()
