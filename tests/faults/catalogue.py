"""Imports all modules of faults, which registers them."""

from tests.faults import broker, database, lanes, network, requests, workers
from tests.faults.registry import FAULTS, Fault, Scene

__all__ = ["FAULTS", "Fault", "Scene", "broker", "database", "lanes", "network", "requests", "workers"]
