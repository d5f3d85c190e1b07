"""All cases, by name."""

from adaptation_cases.generated import CONVOLUTIONS, DIGITS, TOYS
from adaptation_cases.report_images import REPORT_IMAGES
from adaptation_cases.report_tables import REPORT_TABLES
from adaptation_cases.tables import TABLES

CASES = TOYS | DIGITS | CONVOLUTIONS | TABLES | REPORT_TABLES | REPORT_IMAGES
