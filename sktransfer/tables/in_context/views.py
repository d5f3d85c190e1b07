"""Views: how the table network sees labeled samples and samples to predict."""

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

# Fields of Views with integers.
INTEGER_FIELDS = frozenset(
    {"has_ranks", "sees_ranks", "y", "category_column", "columns", "codes"}
)


class Views(NamedTuple):
    """Labeled samples in several views.

    A view has its own order of columns and its own codes of the classes. Some views use
    normal scores in place of values. Some views have one column for each category in
    place of one column of category numbers.

    Attributes
    ----------
    x : tensor of shape (n_bags, n_rows, n_columns)
        Values of the labeled samples. There is one bag of samples if all views have the
        same samples, otherwise one for each view.
    scores : tensor of shape (n_bags, n_rows, n_columns)
        Normal scores of the same values.
    has_ranks : tensor of shape (n_columns,), int32
        1 for columns whose normal scores differ from their values.
    sees_ranks : tensor of shape (n_views,), int32
        1 for views that use normal scores.
    fixed : tensor of shape (n_fixed,)
        Values of the last columns in all samples to predict, whose own rows do not have
        these columns.
    y : tensor of shape (n_bags, n_rows), int32
        Class indices; -1 in the empty rows of a bag that has fewer samples.
    log_weight : tensor of shape (n_bags, n_rows)
        Logarithms of the sample weights.
    category_column : tensor of shape (n_categories,), int32
        For each category that has its own column: the column that it is a value of.
    category : tensor of shape (n_categories,)
        For each category that has its own column: its value.
    columns : tensor of shape (n_views, n_view_columns), int32
        Columns of a view; n_view_columns is a multiple of 3. The columns of x have the
        first numbers, those of the categories the next. The number after them is that
        of a column of zeros.
    codes : tensor of shape (n_views, n_classes), int32
        Code of each class.
    """

    x: Any
    scores: Any
    has_ranks: Any
    sees_ranks: Any
    fixed: Any
    y: Any
    log_weight: Any
    category_column: Any
    category: Any
    columns: Any
    codes: Any

    def split(self):
        """Return views of one view each; samples to predict cannot be prepared by them.

        Returns
        -------
        list of Views
        """
        n_views = len(self.columns)
        by_bag = {"x", "scores", "y", "log_weight"} if len(self.x) > 1 else set()
        by_view = {"sees_ranks", "columns", "codes", *by_bag}
        return [
            self._replace(**{name: getattr(self, name)[i : i + 1] for name in by_view})
            for i in range(n_views)
        ]

    def labeled(self, left_out=None):
        """Return the labeled samples of each view.

        Parameters
        ----------
        left_out : tensor of shape (n_bags, n_rows), bool, or None, default=None
            Samples to leave out.

        Returns
        -------
        x : tensor of shape (n_views, n_rows, n_view_columns)
            Values.
        y : tensor of shape (n_views, n_rows), int32
            Codes of the classes; -1 for samples that are left out.
        log_weight : tensor of shape (n_views, n_rows)
            Logarithms of the sample weights.
        """
        y = self.y if left_out is None else ops.where(left_out, -1, self.y)
        shape = (ops.shape(self.columns)[0], ops.shape(y)[1])
        y = ops.broadcast_to(y, shape)
        codes = ops.take_along_axis(self.codes, ops.maximum(y, 0), axis=1)
        return (
            self._select_columns(self.x, self.scores),
            ops.where(y < 0, -1, codes),
            ops.broadcast_to(self.log_weight, shape),
        )

    def find_copies(self, x):
        """Find the labeled samples that are equal to one of some samples.

        Parameters
        ----------
        x : tensor of shape (n, n_columns - n_fixed)
            Samples; NaN for missing values.

        Returns
        -------
        tensor of shape (n_bags, n_rows), bool
        """
        labeled, x = self.x[None, ..., : ops.shape(x)[1]], x[:, None, None, :]
        is_equal = ops.logical_or(
            x == labeled, ops.logical_and(ops.isnan(x), ops.isnan(labeled))
        )
        return ops.any(ops.all(is_equal, axis=3), axis=0)

    def prepare(self, x):
        """Return samples to predict as each view sees them.

        Parameters
        ----------
        x : tensor of shape (n, n_columns - n_fixed)
            Samples; NaN for missing values.

        Returns
        -------
        tensor of shape (n_views, n, n_view_columns)
        """
        shape = (ops.shape(x)[0], ops.shape(self.fixed)[0])
        x = ops.concatenate([x, ops.broadcast_to(self.fixed, shape)], axis=1)
        return self._select_columns(x[None], self.normal_scores(x)[None])

    def normal_scores(self, x):
        """Compute the normal scores of values by their ranks in the first bag.

        Missing values and the values of columns without ranks do not change.

        Parameters
        ----------
        x : tensor of shape (n, n_columns)
            Samples; NaN for missing values.

        Returns
        -------
        tensor of shape (n, n_columns)
        """
        labeled = self.x[0]
        weight = ops.where(self.y[0] >= 0, ops.exp(self.log_weight[0]), 0.0)[:, None]
        weight = ops.where(ops.isnan(labeled), 0.0, weight)
        labeled = ops.where(ops.isnan(labeled), np.inf, labeled)
        order = ops.argsort(labeled, axis=0)
        below = ops.cumsum(ops.take_along_axis(weight, order, axis=0), axis=0)
        below = ops.transpose(ops.pad(below, [[1, 0], [0, 0]]))
        labeled = ops.transpose(ops.take_along_axis(labeled, order, axis=0))
        # A comparison of all pairs would take gigabytes for hundreds of columns.
        left, right = (
            ops.take_along_axis(
                below, tf.searchsorted(labeled, ops.transpose(x), side), axis=1
            )
            for side in ("left", "right")
        )
        rank, total = ops.transpose(0.5 * (left + right)), below[:, -1]
        quantile = (rank + 0.5) / (total + 1)
        scores = math.sqrt(2) * ops.erfinv(2 * quantile - 1)
        is_value = ops.logical_or(self.has_ranks == 0, ops.isnan(x))
        return ops.where(is_value, x, scores)

    def _select_columns(self, x, scores):
        """Select the columns of each view, from values or from normal scores."""
        n_views, n_view_columns = ops.shape(self.columns)
        _, n_rows, n_columns = ops.shape(x)
        values = ops.where(self.sees_ranks[:, None, None] > 0, scores, x)
        values = ops.broadcast_to(values, (n_views, n_rows, n_columns))
        is_category = ops.equal(
            ops.take(x, self.category_column, axis=2), self.category
        )
        is_category = ops.broadcast_to(
            ops.cast(is_category, x.dtype),
            (n_views, n_rows, ops.shape(self.category)[0]),
        )
        zeros = ops.zeros_like(values[:, :, :1])
        values = ops.concatenate([values, is_category, zeros], axis=2)
        columns = ops.broadcast_to(
            self.columns[:, None, :], (n_views, n_rows, n_view_columns)
        )
        return ops.take_along_axis(values, columns, axis=2)
