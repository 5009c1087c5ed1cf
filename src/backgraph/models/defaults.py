"""What a network for a table is like, and how it is trained, where nothing else is said: by `backgraph.sklearn`.

Narrow and deep, with a large rate: on tables of tens of thousands of rows that reaches in a second or two what three
layers of 256 with a rate of 0.002 reach in ten. More dropout, and label smoothing, did not help. Chosen on
tables that are in no benchmark: prices and cuts of diamonds, delays of flights, and generated sums of trees.

Sources: Holzmüller, Grinsztajn, Steinwart, "Better by default" (RealMLP), 2024, for batches of 256, ρ₂ = 0.95, a rate
that falls along a cosine, and the patience; Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
"""

from __future__ import annotations

HIDDEN = (64, 64, 64)
ACTIVATION = "silu"
RATE = 0.01
SCHEDULE = "flat_cosine"
RHO2 = 0.95
DECAY = 0.01
LABEL_SMOOTHING = 0.0
BATCH = 256
PATIENCE = 16
WHOLE_BATCH = 200
"""Up to so many rows a step takes all of them: a weight of k is then the same as k copies."""
DROPOUT = 0.1
"""Of dropout="auto" for more rows than that; up to it a weight of k would no longer be the same as k copies."""
FEWEST_STEPS, MOST_STEPS = 200, 2000
FEWEST_EPOCHS, MOST_EPOCHS = 5, 64
"""What max_iter=None aims at: as many epochs as MOST_STEPS allow, within these, and FEWEST_STEPS in any case."""
