"""Labeled rows and rows to classify, as each view of the tabular network has them."""

import math
from typing import Any, NamedTuple

from keras import ops


class Views(NamedTuple):
    """Labeled rows in several views.

    A view has its own order of columns and its own codes of the classes. Some views see
    columns by the ranks of their values, some see a column a category in place of the
    categories' positions.

    Attributes
    ----------
    x : tensor of shape (n_bags, n_rows, n_columns)
        Values; one bag when all views have the same rows, otherwise one a view.
    scores : tensor of shape (n_bags, n_rows, n_columns)
        The same rows, where a view sees ranks.
    has_ranks : tensor of shape (n_columns,), int32
        Whether a column may be seen by ranks.
    sees_ranks : tensor of shape (n_views,), int32
        Whether a view sees ranks.
    given : tensor of shape (n_given,)
        Values of the last columns in all rows to classify, which lack them.
    y : tensor of shape (n_bags, n_rows), int32
        Class indices; -1 fills a bag that has fewer rows.
    log_weight : tensor of shape (n_bags, n_rows)
        Logarithms of the rows' weights.
    of_column : tensor of shape (n_categories,), int32
        Column of each category that has a column of its own.
    category : tensor of shape (n_categories,)
        Its value there.
    columns : tensor of shape (n_views, a multiple of 3), int32
        Columns of a view: those of x come first, then those of the categories, and the
        number of both stands for one of zeros.
    codes : tensor of shape (n_views, n_classes), int32
        Code of each class.
    """

    x: Any
    scores: Any
    has_ranks: Any
    sees_ranks: Any
    given: Any
    y: Any
    log_weight: Any
    of_column: Any
    category: Any
    columns: Any
    codes: Any

    def labeled(self, left_out=None):
        """Return x, y and log_weight of the labeled rows of each view.

        Parameters
        ----------
        left_out : tensor of shape (n_bags, n_rows), bool, or None, default=None
            Rows that are as if they were not there.
        """
        y = self.y
        if left_out is not None:
            y = ops.where(left_out, -1, y)
        shape = (ops.shape(self.columns)[0], ops.shape(y)[1])
        y = ops.broadcast_to(y, shape)
        codes = ops.take_along_axis(self.codes, ops.maximum(y, 0), axis=1)
        return (
            self._seen(self.x, self.scores),
            ops.where(y < 0, -1, codes),
            ops.broadcast_to(self.log_weight, shape),
        )

    def copies_of(self, x):
        """Tell which rows of each bag are among some rows, of shape (n, n_columns)."""
        own, rows = self.x[None, ..., : ops.shape(x)[1]], x[:, None, None, :]
        same = ops.logical_or(
            rows == own, ops.logical_and(ops.isnan(rows), ops.isnan(own))
        )
        return ops.any(ops.all(same, axis=3), axis=0)

    def asked(self, x):
        """Return rows to classify as each view has them.

        Parameters
        ----------
        x : tensor of shape (n, n_columns - n_given)
            Rows; NaN is missing.

        Returns
        -------
        tensor of shape (n_views, n, a multiple of 3)
        """
        shape = (ops.shape(x)[0], ops.shape(self.given)[0])
        x = ops.concatenate([x, ops.broadcast_to(self.given, shape)], axis=1)
        return self._seen(x[None], self.normal_scores(x)[None])

    def normal_scores(self, x):
        """Compute the normal scores of values by their ranks in the first bag.

        Columns without ranks, and what is missing, stay as they are.

        Parameters
        ----------
        x : tensor of shape (n, n_columns)
            Rows.

        Returns
        -------
        tensor of the same shape
        """
        own, rows = self.x[0], x[:, None, :]
        weight = ops.where(self.y[0] >= 0, ops.exp(self.log_weight[0]), 0.0)[:, None]
        total = ops.sum(ops.where(ops.isnan(own), 0.0, weight), axis=0)
        half = 0.5 * weight
        below = ops.sum(
            ops.where(own < rows, half, 0.0) + ops.where(own <= rows, half, 0.0), axis=1
        )
        share = (below + 0.5) / (total + 1)
        scores = math.sqrt(2) * ops.erfinv(2 * share - 1)
        stays = ops.logical_or(self.has_ranks == 0, ops.isnan(x))
        return ops.where(stays, x, scores)

    def _seen(self, x, scores):
        """Give each view its columns of rows, by values or by normal scores."""
        n_views, n_chosen = ops.shape(self.columns)
        _, n_rows, n_columns = ops.shape(x)
        seen = ops.where(self.sees_ranks[:, None, None] > 0, scores, x)
        seen = ops.broadcast_to(seen, (n_views, n_rows, n_columns))
        is_of = ops.equal(ops.take(x, self.of_column, axis=2), self.category)
        is_of = ops.broadcast_to(
            ops.cast(is_of, x.dtype), (n_views, n_rows, ops.shape(self.category)[0])
        )
        seen = ops.concatenate([seen, is_of, ops.zeros_like(seen[:, :, :1])], axis=2)
        columns = ops.broadcast_to(
            self.columns[:, None, :], (n_views, n_rows, n_chosen)
        )
        return ops.take_along_axis(seen, columns, axis=2)
