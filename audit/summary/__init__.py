"""The summary of activity: the exams of each week, site and technique counted once, kept exact import after import (decision 14)."""
