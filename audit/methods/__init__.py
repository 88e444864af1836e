"""Statistical methods of the before/after evaluation: pure functions of series, stated in advance, estimated by statsmodels.

Every method either returns its result or a ``Refusal`` that says why in French. statsmodels costs seconds to import: the functions
that need it import it themselves.
"""
