"""Fictitious activity and requests, so that every page of the service has something to show on its first day."""

from pertimage.web.demo.population import RealDataError, populate

__all__ = ["RealDataError", "populate"]
