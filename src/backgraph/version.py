"""The version; pyproject.toml says the same. Reading it from what is installed takes tens of milliseconds."""

__version__ = "0.1.0"
