"""Target samples and strengths of an adaptation method for each gradient step."""

import numpy as np

from sktransfer.training.store.samples import SampleFeatures


class Alignment:
    """The loss of an adaptation method over the stages of a recipe.

    Parameters
    ----------
    method : AdaptationMethod
        Has the loss, its strength and its schedule.
    target : Samples or None
        Samples of the target. None if all samples are of the target.
    rng : numpy.random.Generator
        Random generator of the networks of the method and of the order of the target
        samples. The order of the source samples does not depend on it.
    n_epochs : int
        Maximum number of epochs of all stages.
    relabel : callable or None, default=None
        Called with the program before each epoch; sets new class indices.
    """

    def __init__(self, method, target, rng, n_epochs, relabel=None):
        self.method, self._target, self._rng = method, target, rng
        self._relabel = relabel
        self._n_epochs, self._done = n_epochs, 0
        self._left = np.empty(0, dtype=int)
        self._networks = None

    @property
    def target_only(self):
        """Whether all samples are of the target."""
        return self._target is None

    @property
    def relabels(self):
        """Whether samples get new class indices before each epoch."""
        return self._relabel is not None

    def stage_begin(self, program, trainer, folder):
        """Compute outputs of frozen layers, and set the networks of the method."""
        if not self.target_only:
            self._rows = SampleFeatures(self._target, program, folder)
        if self._networks is None:
            trainer.networks.draw(self._rng)
        else:
            trainer.networks.set(self._networks)

    def stage_end(self, trainer):
        """Keep the networks of the method for the next stage."""
        self._networks = trainer.networks.get()

    def begin(self, program, n_epochs, n_batches, width):
        """Draw the target samples and compute the strengths of some epochs."""
        n_steps = n_epochs * n_batches
        if not self.target_only:
            self._order = self._draw(n_steps * width)
        first = self._done * n_batches
        progress = np.arange(first, first + n_steps) / (self._n_epochs * n_batches)
        factor = np.asarray(self.method.schedule(progress), dtype=float)
        self._strengths = np.broadcast_to(self.method.trade_off * factor, n_steps)
        self._done += n_epochs
        if self._relabel is not None:
            self._relabel(program)

    def steps(self, steps, width):
        """Return target features and strengths for a slice of the gradient steps."""
        features = []
        if not self.target_only:
            chosen = self._order[steps.start * width : steps.stop * width]
            features = self._rows.take(chosen)
        return features, self._strengths[steps]

    def _draw(self, n):
        """Draw n target samples; each is used once before any is used again."""
        parts = [self._left]
        while sum(map(len, parts)) < n:
            parts.append(self._rng.permutation(len(self._target)))
        order = np.concatenate(parts)
        self._left = order[n:]
        return order[:n]
