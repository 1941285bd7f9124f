"""Tests of the events and their way out."""
