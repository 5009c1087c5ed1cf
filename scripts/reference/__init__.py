"""Pages made from the package itself: operations, rewrite rules, the gallery. `python -m scripts.reference`."""
