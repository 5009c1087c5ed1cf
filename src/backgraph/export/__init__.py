"""Graphs in formats of others. ONNX needs the extra `backgraph[onnx]`, imported where it is used."""
