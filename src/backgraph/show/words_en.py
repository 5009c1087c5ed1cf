"""The sentences of explanations, in English. `words_zh.py` has the same keys with the same names in braces."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "comma": ", ",
    "and": " and ",
    "and_path": " and ",
    "stop": ".",
    "forward_title": "Forward: from the inputs to the cost {J}",
    "assumptions_title": "Assumptions",
    "backward_title": "Backward: from the cost {J} to {targets}",
    "gradients_title": "The gradient",
    "account_title": "What it costs",
    "rewrites_title": "Simplified by these rules",
    "conventions_title": "Conventions",
    "scalar": "scalar",
    "backward_intro": "Each line is an expression, not a number. Back-propagation goes through the graph "
    "from {J} backward and asks every operation, by its rule, what to send to each of its inputs; the "
    "answers are further nodes of the graph. No Jacobian is formed: a rule gives its product with the "
    "arriving gradient at once.",
    "stands_for": "{name} stands for {gradient}, the gradient arriving at {V}.",
    "let": "Here {name} = {formula}.",
    "gap": " ",
    "nothing": "Nothing arrives: on every path some operation is constant wherever it has a derivative.",
    "straight": "It comes straight from {J}",
    "one_path": "It comes through {origin}",
    "by_way_of": ", by way of {ops}",
    "paths": "{count} paths reach {V}: {list}; contributions of all paths are added.",
    "path_through": "through {origin} ({formula})",
    "path_decay": "through the decay ({formula})",
    "path_straight": "straight from {J} ({formula})",
    "rule_of": "Rule of {op}: {before} gives {after}.",
    "rule_of_input": "Rule of {op} for its {which} input: {before} gives {after}.",
    "for_path": "{formula}",
    "then": ". ",
    "then_for_path": ": ",
    "first": "first",
    "second": "second",
    "third": "third",
    "nth": "{n}th",
    "shapes": "Why this order: {a} times {b} gives {c}, the shape of {V}",
    "shapes_not": "; {other} would not fit",
    "index": "Element by element: {formula}.",
    "keeps": "It keeps {list} from the forward pass.",
    "reads": "It reads {list}.",
    "keeps_and_reads": "It keeps {keeps} from the forward pass and reads {reads}.",
    "goes_to": "It goes on into {list}.",
    "ends": "This is what was asked for.",
    "role_cross_entropy_0": "unnormalised log-probabilities",
    "role_softmax_0": "unnormalised log-probabilities",
    "note_cross_entropy_0": "The softmax of {x} gives the probabilities that the unnormalised log-probabilities {x} "
    "stand for. The logarithm in the cross-entropy undoes the exponential in softmax; what is left is probability "
    "minus truth.",
    "note_relu_0": "Where {x} ≤ 0 the forward pass put 0, so nothing flows back. {z} > 0 says where; {x} "
    "itself need not be kept.",
    "note_square_0": "The derivative of w² is 2w: that is where the 2 comes from.",
    "note_matmul_1": "{slope} would have four indices; it is never formed, because its product with the "
    "gradient of {z} is this product of two matrices, which also adds over the rows, the examples.",
    "note_broadcast_0": "What was copied going forward is added up going backward.",
    "note_sum_0": "Every term of a sum receives the gradient of the sum unchanged.",
    "convention_gradient": "{gradient} has the shape of {V}; its elements are the partial derivatives of {J} "
    "by those of {V}.",
    "convention_paths": "Contributions of several paths are added, because a small change of {V} changes {J} along "
    "each of them, and small changes add up.",
    "convention_mean": "The cost is the mean over the {m} examples of the minibatch: every example counts 1/"
    "{m}, in the gradient too.",
    "convention_layers": "A number in brackets above a letter, as in {W}, is the number of a layer, not a power.",
    "convention_powers": "Powers of arrays are taken element by element.",
    "convention_hadamard": "⊙ multiplies element by element.",
    "convention_iverson": "[condition] is 1 where the condition holds and 0 elsewhere.",
    "convention_rows": "Row by row, that is, for each example by itself: {ops}.",
    "convention_sums": "Σ without an index adds all elements of what follows it; each Σ has indices of its own.",
    "convention_decay": "{c} here is α/(2m) of scikit-learn's MLP and weight_decay/2 of PyTorch's SGD; with "
    "Adam, 2{c} W in the gradient is not the decay of AdamW.",
    "convention_ties": "At kinks and ties, {op}: {ties}.",
    "account_work": "Multiply-adds in products: {forward} forward, {backward} for the gradient.",
    "account_kept": "Kept from the forward pass until the backward pass has used it: {list}.",
    "account_until": "{value} ({shape}) until step {step}",
    "account_one_sweep": "One sweep backward gives the derivatives of the one number {J} by all {n} elements "
    "of {targets}; going forward would take a sweep for each element.",
    "numpy_title": "The cost {J} and its gradients by {targets}, in NumPy.",
    "numpy_returns": "{J}, and its gradients by {targets} as a dict; ValueError where the shapes do not fit.",
    "numpy_forward": "Forward.",
    "numpy_backward": "Backward.",
}

TIES: dict[str, str] = {}
"""In English the cards themselves say what happens at kinks and ties."""
