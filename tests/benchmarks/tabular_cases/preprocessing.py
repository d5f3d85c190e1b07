"""Numbers out of columns, for methods that need them."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def encoder():
    """Make a transformer that fills gaps, standardizes, and encodes categories.

    Gaps in numbers become medians; a gap in a category is a category.

    Returns
    -------
    ColumnTransformer
    """
    # A small training set may have no value of a column at all.
    numbers = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_column_transformer(
        (
            make_pipeline(numbers, StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_include="category"),
        ),
    )
