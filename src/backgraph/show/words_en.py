"""The sentences of explanations, in English. `words_zh.py` has the same keys with the same names in braces."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "comma": ", ",
    "and": " and ",
    "and_path": " and ",
    "and_number": " and ",
    "semicolon": "; ",
    "stop": ".",
    "forward_title": "Forward: from the inputs to the cost {J}",
    "assumptions_title": "Assumptions",
    "backward_title": "Backward: from the cost {J} to {targets}",
    "gradients_title": "The gradient",
    "tiny_title": "A tiny example",
    "tiny_sizes": "With {sizes} and these numbers for the inputs:",
    "tiny_numbers": "With these numbers for the inputs:",
    "tiny_checked": "Every gradient is compared with the derivative that values of the cost alone give; the error "
    "behind it is relative to the size of its terms.",
    "not_computed": "Not computed, because not asked for: {list}.",
    "checked": "checked: {error}",
    "checked_by": "checked by {method}: {error}",
    "checked_wrong": "WRONG: {rule} by the rule, {numbers} by {method}",
    "checked_kinks": "; {n} elements at a kink, where no number is the derivative",
    "method_complex_step": "complex step",
    "method_central_differences": "central differences",
    "rewrite": "{name}: {equation}",
    "account_title": "What it costs",
    "rewrites_title": "Simplified by these rules",
    "conventions_title": "Conventions",
    "scalar": "scalar",
    "forward_kept": "kept until step {n}",
    "forward_not_kept": "not kept",
    "backward_intro": "Each line is an expression, not a number: from the graph of {J} comes another graph, once "
    "and for all values. Back-propagation goes through the graph from {J} backward and asks every operation, by its "
    "rule, what to send to each of its inputs; the answers are the new nodes, and what is printed here. No Jacobian "
    "is formed: a rule gives at once the product of the Jacobian with the arriving gradient (a vector-Jacobian "
    "product).",
    "stands_for": "{name} stands for {gradient}, the gradient arriving at {V}.",
    "shape_of": "shape of {list}",
    "shaped": "{x} ({shape})",
    "repeat_along": "{x} is repeated along {axes}",
    "repeat_several_along": "{x} are repeated along {axes}",
    "repeat_to": "{x} is repeated to {shape} where it is smaller",
    "repeat_several_to": "{x} are repeated to {shape} where they are smaller",
    "repeat_filled": "{x} stands for an array ({shape}) with this number everywhere",
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
    "transposition": "Why the transpose: {formula}. In a product of matrices the index that is summed, here {i}, "
    "stands inside, so {A} is transposed.",
    "result_only": "The rule needs only the result {z}; {x} need not be kept.",
    "until": "{value} (needed until step {step})",
    "freed": "After this step {list} can be freed.",
    "keeps": "It keeps {list} from the forward pass.",
    "reads": "It reads {list}.",
    "keeps_and_reads": "It keeps {keeps} from the forward pass and reads {reads}.",
    "goes_to": "It goes on into {list}.",
    "ends": "This is what was asked for.",
    "role_cross_entropy_0": "unnormalised log-probabilities",
    "role_softmax_0": "unnormalised log-probabilities",
    "note_cross_entropy_0": "Unnormalised log-probabilities {x} are any real numbers, one row for an example; "
    "softmax({x}), their exponentials divided by the sum of the row, are the probabilities they stand for. The loss "
    "of a row is log Σ exp(u) − Σ t u: the first part has the derivative softmax(u), the second t; what is left is "
    "probability minus truth.",
    "note_softmax_0": "softmax({x}): the exponentials of any real numbers {x}, divided by the sum of their row, are "
    "probabilities; so {x} are called unnormalised log-probabilities.",
    "note_log_softmax_0": "log_softmax({x}): any real numbers {x}, less the logarithm of the sum of the exponentials "
    "of their row, are logarithms of probabilities; so {x} are called unnormalised log-probabilities.",
    "note_relu_0": "Where {x} < 0 the forward pass put 0 whatever the value: a small change there changes nothing, "
    "so the gradient is set to 0; at exactly 0, where any number from 0 to 1 would serve, it is set to 0.",
    "note_relu_0_result": " {z} > 0 says where; {x} itself need not be kept.",
    "note_square_0": "The derivative of w² is 2 w: that is where the 2 comes from.",
    "note_matmul_1": "{slope} would have four indices; it is never formed. Its product with the gradient of {z} is "
    "this product of two matrices, which adds over the rows of {z}: each is made with the same {x}, so what the "
    "rows contribute is added.",
    "note_matmul_1_examples": "{slope} would have four indices (three for a single example); it is never formed. "
    "Its product with the gradient of {z} is this product of two matrices, which also adds over the rows: every "
    "example uses the same {x}, so what the examples contribute is added.",
    "passed": "On the way: {rule}",
    "account_one_element": "One sweep backward gives the derivative of {J} by {targets}.",
    "note_broadcast_0": "What was copied going forward is added up going backward.",
    "note_sum_0": "Every term of a sum receives the gradient of the sum unchanged.",
    "convention_gradient": "{gradient} has the shape of {V}; its elements are the partial derivatives of {J} by "
    "those of {V}.",
    "convention_paths": "Contributions of several paths are added, because a small change of {V} changes {J} along "
    "each of them, and small changes add up.",
    "convention_mean": "The cost is the mean over the {m} examples of the minibatch: every example counts 1/{m}, in "
    "the gradient too.",
    "convention_layers": "A number in brackets above a letter, as in {W}, is part of the name, not a power; in a "
    "network of layers it is the number of the layer.",
    "convention_repeats": "Where an elementwise operation meets arrays of unlike shapes, the smaller one is repeated "
    "(broadcast) along the axes that it lacks, or has of size 1; which, is said at the formula. A scalar fits every "
    "array.",
    "convention_open": "Shapes that are open fit each other as NumPy's do: aligned at the last axis, with what is "
    "smaller repeated.",
    "convention_stacked": "Products of arrays of more than two axes multiply matrices, which the last two axes hold,"
    " one pair for each index of the others; axes of size 1 that are put in or left out for this are not written.",
    "convention_axes": "An index such as that of {example} names the axis that is reduced, by its size; the "
    "others stay. Σ reaches as far as the product behind it, to the next + or −.",
    "convention_numbered_axes": "An index such as that of {example} is the number of the axis that is reduced, counted "
    "from 0, where its size would not tell it from others; the other axes stay.",
    "convention_sum_to": "{example} adds up what the copies of one element of {V} receive, along the axes along which "
    "{V} was repeated; along others nothing is added.",
    "convention_powers": "Powers of arrays are taken element by element.",
    "convention_hadamard": "⊙ multiplies element by element.",
    "convention_iverson": "[condition] is 1 where the condition holds and 0 elsewhere.",
    "convention_rows": "Row by row, that is, for each example by itself: {ops}.",
    "convention_last_axis": "Row by row, that is, along the last axis: {ops}.",
    "convention_sums": "Σ without an index adds all elements of what follows it; each Σ has indices of its own.",
    "convention_decay": "{c} here is α/(2m) of scikit-learn's MLP and weight_decay/2 of PyTorch's SGD; with Adam, "
    "2{c} W in the gradient is not the decay of AdamW.",
    "convention_ties": "At kinks and ties, {op}: {ties}.",
    "account_work": "Multiply-adds in products: {forward} forward, {backward} for the gradient.",
    "account_one": "That is, for each of the {m} examples, {forward} forward and {backward} for the gradient.",
    "account_linear": "That is, for each of the {m} examples, one multiply-add forward for each of w = {forward} "
    "weights, and {backward} for the gradient: one product for each weight matrix and one for each value it was "
    "multiplied with, where that needs a gradient. Together at most three for each weight, so O(w).",
    "account_kept": "Kept from the forward pass: {list}.",
    "account_until": "{value} ({shape}) for step {steps}",
    "account_until_several": "{value} ({shape}) for steps {steps}, so until step {last}",
    "account_memory": "Together O({n}) numbers: in proportion to the {m} examples of the minibatch and to what is "
    "computed for each, not to the number of weights.",
    "account_not_kept": "Read by no step, hence not kept: {list}.",
    "account_one_sweep": "One sweep backward gives the derivatives of the one number {J} by all {n} elements of "
    "{targets}; going forward would take a sweep for each element. That is why one goes backward.",
    "numpy_title": "The cost {J} and its gradients by {targets}, in NumPy.",
    "numpy_returns": "{J}, and its gradients by {targets} as a dict; ValueError where the shapes do not fit.",
    "numpy_forward": "Forward.",
    "numpy_backward": "Backward.",
}

ASSUMED: dict[str, str] = {
    "labels": "{name} holds {held}, {shape}",
    "matrix": "{name} is a matrix {shape} (upper case)",
    "vector": "{name} is a vector {shape} (lower case)",
    "alike": "{name} is taken as {shape}",
    "cost": "{name} is a scalar, as the cost is",
    "open": "the shape of {name} is open",
    "fits": "{name} fits into {shape}",
}
"""What was taken for granted of a name in the text, by kind (`language.parse`)."""

HELD: dict[str, str] = {}
TIES: dict[str, str] = {}
OPERATIONS: dict[str, str] = {}
RULES: dict[str, tuple[str, str]] = {}
"""In English the cards and the rules themselves say what they are called and what happens at kinks and ties."""

SHAPE_OF = r"shape of \1"
"""The shape of a name whose shape is open."""
