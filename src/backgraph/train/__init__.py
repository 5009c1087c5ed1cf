"""Training: the step as graph, the engines that run it, the loop, callbacks, and files."""
