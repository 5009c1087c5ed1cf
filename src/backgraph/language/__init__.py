"""The graph language: nodes, dimensions, operations, and the text front end."""
