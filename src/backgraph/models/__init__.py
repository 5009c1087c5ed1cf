"""Models: graphs that come with initial values, and know how to predict."""
