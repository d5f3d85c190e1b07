"""Numbers out of columns, for methods that need them."""

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

# More categories than that are encoded by the classes of their rows.
_MOST_ONE_HOT, _MOST_OF_TREES = 100, 255
_FOLDS = 5


def encoder():
    """Make a transformer that fills gaps, standardizes, and encodes categories.

    Gaps in numbers become medians; a gap in a category is a category. Columns with more
    than 100 categories in the training rows become the frequencies of the classes.

    Returns
    -------
    Pipeline
    """
    few, many = _categories_up_to(_MOST_ONE_HOT)
    return make_pipeline(
        _dates(),
        make_column_transformer(
            (_numbers(), make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), few),
            (make_pipeline(_frequencies(), StandardScaler()), many),
        ),
    )


def encoder_of_many():
    """Make a transformer for methods that take categories and gaps, but not many.

    Columns with more than 255 categories in the training rows become the frequencies of
    the classes. Columns without a value in them are dropped.

    Returns
    -------
    Pipeline
    """
    _, many = _categories_up_to(_MOST_OF_TREES)
    columns = make_column_transformer(
        (_frequencies(), many),
        ("drop", _empty),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return make_pipeline(_dates(), columns.set_output(transform="pandas"))


def filled():
    """Make a transformer that fills gaps in numbers and keeps categories.

    Returns
    -------
    Pipeline
    """
    columns = make_column_transformer(
        (
            SimpleImputer(strategy="median", keep_empty_features=True),
            make_column_selector(dtype_include="number"),
        ),
        (
            FunctionTransformer(_as_texts),
            make_column_selector(dtype_include="category"),
        ),
        verbose_feature_names_out=False,
    )
    return make_pipeline(_dates(), columns.set_output(transform="pandas"))


def _numbers():
    # A small training set may have no value of a column at all.
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(fill, StandardScaler())


def _frequencies():
    # The rows of a fold are encoded by those of the others.
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    return TargetEncoder(cv=folds)


def _categories_up_to(most):
    """Select columns with at most that many categories, and columns with more."""

    def few(X):
        return [name for name in categories(X) if X[name].nunique() <= most]

    def many(X):
        return [name for name in categories(X) if X[name].nunique() > most]

    categories = make_column_selector(dtype_include="category")
    return few, many


def _empty(X):
    return [name for name in X if X[name].isna().all()]


def _dates():
    return FunctionTransformer(_numbers_of_dates)


def _numbers_of_dates(X):
    """Replace each date by its days since 1970, month, day of the week and hour."""
    parts = []
    for name in X:
        column = X[name]
        if not pd.api.types.is_datetime64_any_dtype(column):
            parts.append(column)
            continue
        days = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
        parts += [
            days.rename(f"{name} in days"),
            column.dt.month.rename(f"month of {name}"),
            column.dt.day_of_week.rename(f"weekday of {name}"),
            column.dt.hour.rename(f"hour of {name}"),
        ]
    return pd.concat(parts, axis=1)


def _as_texts(X):
    return X.astype(object).where(X.notna(), "missing").astype(str).astype("category")
