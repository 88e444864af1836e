"""Decision support for imaging prescriptions: guidelines, judgement, exchange, measurement."""

__version__ = "0.1.0"
