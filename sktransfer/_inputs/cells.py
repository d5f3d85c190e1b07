"""Single values of a table: numbers, dates, missing values and texts."""

import datetime
import decimal
import math
import numbers

import numpy as np
from sklearn.utils._missing import is_pandas_na

_DAY = 86400.0
# Mean over the 400 years of the Gregorian calendar.
_DAYS_IN_MONTH = 30.436875
_EPOCH = datetime.datetime(1970, 1, 1)
_MAX_SHOWN = 40
# Above it, float64 does not tell integers apart.
MAX_INTEGER = 2**53


def is_missing(value):
    """Return whether a value is None, NaN, NaT or pandas.NA."""
    if value is None or is_pandas_na(value):
        return True
    try:
        # NaN and NaT are not equal to themselves.
        return bool(value != value)
    except decimal.InvalidOperation:
        # A signaling NaN.
        return True
    except (TypeError, ValueError):
        return False


def is_date(value):
    """Return whether a value is a date, a time with a date, or a period."""
    return isinstance(value, (datetime.date, np.datetime64)) or _is_period(value)


def days_since_1970(value):
    """Return the days from 1970 to a date as a float; NaN if it is missing.

    Dates with a time zone count from 1970 in UTC, others from 1970 in their own zone.
    """
    if is_missing(value):
        return math.nan
    if _is_period(value):
        value = value.to_timestamp()
    if isinstance(value, np.datetime64):
        return (value - np.datetime64(0, "D")) / np.timedelta64(1, "D")
    if not isinstance(value, datetime.datetime):
        return float(value.toordinal() - _EPOCH.toordinal())
    if value.tzinfo is not None:
        return value.timestamp() / _DAY
    return (value - _EPOCH).total_seconds() / _DAY


def as_number(value):
    """Return a value as a float, or None if it is not a number.

    A missing value is NaN. A duration is a number of days, a time the fraction of a
    day. A text is a number if Python reads it as one; an empty text is missing.
    """
    if is_missing(value):
        return math.nan
    if isinstance(value, (str, bytes)):
        return _parse(value)
    if is_duration(value):
        return _days(value)
    if isinstance(value, (numbers.Real, decimal.Decimal, np.bool_)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return None


def is_large_integer(value):
    """Return whether a value is an integer that float64 rounds, or a text of one."""
    if isinstance(value, (str, bytes)):
        value = value.strip().lstrip(b"+-" if isinstance(value, bytes) else "+-")
        value = int(value) if value.isdigit() and value.isascii() else 0
    return isinstance(value, numbers.Integral) and abs(value) > MAX_INTEGER


def is_duration(value):
    """Return whether a value is a duration, or a time of day."""
    return isinstance(value, (datetime.timedelta, np.timedelta64, datetime.time))


def is_text(value):
    """Return whether a value is a text, or bytes."""
    return isinstance(value, (str, bytes))


def _days(value):
    if isinstance(value, datetime.timedelta):
        return value.total_seconds() / _DAY
    if isinstance(value, datetime.time):
        seconds = 3600 * value.hour + 60 * value.minute + value.second
        return (seconds + value.microsecond / 1e6) / _DAY
    if np.datetime_data(value.dtype)[0] in ("Y", "M"):
        return float(value.astype("m8[M]").astype(int)) * _DAYS_IN_MONTH
    return value / np.timedelta64(1, "D")


def show(value):
    """Return a value as a short text for messages."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def _parse(text):
    if not text.strip():
        return math.nan
    try:
        text = text.decode() if isinstance(text, bytes) else text
        # Python reads 1_000 as a number, which no file of numbers has.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _is_period(value):
    # pandas may not be installed.
    return hasattr(value, "to_timestamp") and hasattr(value, "ordinal")


def is_hashable(value):
    """Return whether a value can be a category."""
    try:
        hash(value)
    except TypeError:
        return False
    return True
