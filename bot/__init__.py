"""The service. RELEASE is what a backup says it was made by; pyproject.toml holds the same (a test)."""

RELEASE = "0.1.0"
