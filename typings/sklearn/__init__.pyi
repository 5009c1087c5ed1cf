"""The parts of scikit-learn that backgraph uses, typed as far as it uses them; scikit-learn itself has no types."""
