"""Tests of the admin as viewers, leads, strangers and operators see it."""
