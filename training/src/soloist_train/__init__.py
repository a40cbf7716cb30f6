"""Soloist's training package: render songs, fit a mask network, export and evaluate it."""

__version__ = "0.1.0"
