"""Seeing the graph: maths as text and LaTeX, explanations of gradients, drawings."""
