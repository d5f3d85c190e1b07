"""Estimators that may have a live Keras model as a parameter."""

import copy

from sktransfer.learners.choose import as_backbone


class LiveModelMixin:
    """Estimator whose copies have a Backbone in place of a live ``keras.Model``.

    Keras cannot copy or pickle a model with classes that are not registered. A Backbone
    is immutable, so that all copies share it. The estimator itself keeps the model.
    """

    def __sklearn_clone__(self):
        estimator = copy.copy(self)
        estimator.backbone = as_backbone(self.backbone)
        return super(LiveModelMixin, estimator).__sklearn_clone__()

    def __copy__(self):
        shallow = object.__new__(type(self))
        vars(shallow).update(vars(self))
        return shallow

    def __getstate__(self):
        # Of pickle and of copy.deepcopy.
        return super().__getstate__() | {"backbone": as_backbone(self.backbone)}
