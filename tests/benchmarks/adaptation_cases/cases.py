"""All cases, by name."""

from adaptation_cases.generated import CONVOLUTIONS, DIGITS, TOYS
from adaptation_cases.tables import TABLES

CASES = TOYS | DIGITS | CONVOLUTIONS | TABLES
