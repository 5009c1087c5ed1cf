"""What a network for a table is like, and how it is trained, where nothing else is said: by `backgraph.sklearn`.

Narrow and deep, with a large rate: on tables of tens of thousands of rows that reaches in a second or two what three
layers of 256 with a rate of 0.002 reach in ten. More dropout did not help there; of some hundred or thousand rows it
would, a little. Early stopping is worth its held-out rows from 100 rows with classes on: where labels are noisy, log
loss falls from 0.86 to 0.55 (200 rows, mean of ten generated tables), from 0.47 to 0.43 (1,000). Label smoothing
lowers it further on some hundred rows, and does nothing for some ten thousands. With hundreds of columns the rate is
smaller: a step of Adam moves every weight by the rate, so a sum of n inputs by up to n times that. Chosen on tables
that are in no benchmark: prices and cuts of diamonds, delays of flights, generated sums of trees, and generated classes
in 5 to 800 columns.

Sources: Holzmüller, Grinsztajn, Steinwart, "Better by default" (RealMLP), 2024, for batches of 256, ρ₂ = 0.95, a rate
that falls along a cosine, and the patience; Loshchilov, Hutter, "Decoupled weight decay regularization", 2019; Yang,
Hu, et al., "Tensor programs V", 2022, for a rate of Adam in proportion to 1/inputs.
"""

from __future__ import annotations

HIDDEN = (64, 64, 64)
ACTIVATION = "silu"
RATE = 0.01
RATED_INPUTS = 64
"""For more inputs than these (features and vectors of embedded columns) the rate is RATE × RATED_INPUTS/inputs."""
SCHEDULE = "flat_cosine"
RHO2 = 0.95
DECAY, LEAST_DECAY, MOST_DECAY = 250.0, 0.01, 0.5
"""The decoupled weight decay is DECAY/rows within these: what is believed beforehand counts as much as some rows do."""
SMOOTHING, MOST_SMOOTHED = 250.0, 0.1
"""Label smoothing is SMOOTHING/rows within the latter: few rows do not make anything certain. (For labels that exclude
each other; those of several labels are often rare, and would be drawn towards a half.)"""
BATCH = 256
PATIENCE = 16
WHOLE_BATCH = 200
"""Up to so many rows a step takes all of them: a weight of k is then the same as k copies (and has MOST_DECAY)."""
DROPOUT, FEWEST_DROPPED = 0.1, WHOLE_BATCH + 1
"""Of dropout="auto", from so many rows on: below, all that is random would set a weight of k and k copies apart."""
FEWEST_STEPS, MOST_STEPS = 100, 2000
FEWEST_EPOCHS, MOST_EPOCHS = 5, 64
"""What max_iter=None aims at: as many epochs as MOST_STEPS allow, within these, and FEWEST_STEPS in any case."""
