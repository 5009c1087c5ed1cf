"""Functions of several lines that NumPy sources call, as source; each is put in where it is called.

They branch where a formula would overflow, as the cards do (sections 3.10 and 4.1).
"""

from __future__ import annotations

import re

CHECKED = '''
def checked(sizes, name, value, shape, dtype):
    """`value` as an array; ValueError unless it has this shape. A letter is one size wherever it stands."""
    array = np.asarray(value)
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ValueError(f"{name}: expected {dtype}, got {array.dtype}")
    expected = "x".join(map(str, shape)) or "a scalar"
    if array.ndim != len(shape):
        raise ValueError(f"{name}: expected {expected}, got the shape {array.shape}")
    for dim, size in zip(shape, array.shape):
        wanted = dim if isinstance(dim, int) else sizes.setdefault(dim, size)
        if size != wanted:
            elsewhere = "" if isinstance(dim, int) else f"; {dim} is {wanted} elsewhere"
            raise ValueError(f"{name}: expected {expected}, got the shape {array.shape}{elsewhere}")
    return array.astype(dtype, copy=False)
'''

HELPERS: dict[str, str] = {
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)); no large number is ever raised."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)
''',
    "softplus": '''
def softplus(x):
    """log(1 + exp(x))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
''',
    "leaky_relu": '''
def leaky_relu(x, slope):
    """x where it is positive, slope * x elsewhere."""
    return np.where(x > 0, x, slope * x)
''',
    "elu": '''
def elu(x, slope):
    """x where it is positive, slope * (exp(x) - 1) elsewhere."""
    return np.where(x > 0, x, slope * np.expm1(np.minimum(x, 0)))
''',
    "silu": '''
def silu(x):
    """x * sigmoid(x)."""
    return x * sigmoid(x)
''',
    "gelu": '''
def gelu(x):
    """x times the normal distribution function at x, by its usual approximation."""
    return x * sigmoid(float(2 * np.sqrt(2 / np.pi)) * (x + 0.044715 * x**3))
''',
    "xlogy": '''
def xlogy(x, y):
    """x * log(y), and 0 where x is 0."""
    return x * np.where((x == 0) & ~np.isnan(y), 0, np.log(y))
''',
    "xdivy": '''
def xdivy(x, y):
    """x / y, and 0 where both are 0."""
    return x / np.where((x == 0) & (y == 0), 1, y)
''',
    "huber": '''
def huber(error, delta):
    """error**2 / 2 up to delta, a straight line beyond."""
    return np.where(np.abs(error) <= delta, error * error / 2, delta * (np.abs(error) - delta / 2))
''',
    "largest": '''
def largest(x):
    """The largest element of each row, for subtracting before exp; 0 where all are -infinity."""
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    return np.where(np.isneginf(top), 0, top)
''',
    "logsumexp": '''
def logsumexp(x):
    """log(sum(exp(x))) of each row."""
    top = largest(x)
    return np.log(np.sum(np.exp(x - top), axis=-1)) + top[..., 0]
''',
    "softmax": '''
def softmax(x):
    """exp(x) / sum(exp(x)), row by row."""
    e = np.exp(x - largest(x))
    return e / np.sum(e, axis=-1, keepdims=True)
''',
    "log_softmax": '''
def log_softmax(x):
    """log(softmax(x)), never the logarithm of a number that became 0."""
    shifted = x - largest(x)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
''',
    "cross_entropy": '''
def cross_entropy(u, t):
    """-sum(t * log(softmax(u))) of each row: u are unnormalised log-probabilities, t the truth."""
    logs = log_softmax(u)
    return -np.sum(t * np.where((t == 0) & np.isneginf(logs), 0, logs), axis=-1)
''',
    "one_hot": '''
def one_hot(y, classes, dtype="float64"):
    """Rows with a 1 at the label and 0 elsewhere; ValueError for a label that is no class."""
    if np.any((y < 0) | (y >= classes)):
        raise ValueError(f"labels must be 0 ... {classes - 1}")
    return (y[..., None] == np.arange(classes)).astype(dtype)
''',
    "prod_of_others": '''
def prod_of_others(x):
    """For each element the product of the others in its row, without dividing."""
    one = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([one, x[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, x[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after
''',
    "sum_to": '''
def sum_to(x, like):
    """The sum of x over what broadcasting `like` to it copied."""
    x = np.sum(x, axis=tuple(range(np.ndim(x) - np.ndim(like))))
    stretched = tuple(axis for axis, n in enumerate(np.shape(like)) if n == 1 != x.shape[axis])
    return np.sum(x, axis=stretched, keepdims=True)
''',
    "place": '''
def place(x, shape, index):
    """Zeros with x at `index`."""
    result = np.zeros(shape, x.dtype)
    result[index] = x
    return result
''',
    "inside": '''
def inside(index, rows):
    """`index`; ValueError for a row that is not there."""
    if np.any((index < 0) | (index >= rows)):
        raise ValueError(f"rows must be 0 ... {rows - 1}")
    return index
''',
    "take": '''
def take(table, index):
    """Rows of a table."""
    return table[inside(index, len(table))]
''',
    "scatter_add": '''
def scatter_add(x, index, shape):
    """Zeros, with each row of x added to the row that `index` names."""
    result = np.zeros(shape, x.dtype)
    np.add.at(result, inside(index, len(result)), x)
    return result
''',
    "random_mask": '''
def random_mask(key, stream, threshold, shape, dtype):
    """0 where the word that Philox 4x32-10 makes of the key and the element is below the threshold, else 1."""
    word, key = np.uint64(0xFFFFFFFF), np.uint64(np.int64(key))
    line, place = np.divmod(np.arange(int(np.prod(shape))).reshape(shape), shape[-1] if shape else 1)
    line, place = line.astype(np.uint64), place.astype(np.uint64)
    c0, c1, c2, c3 = place // np.uint64(4), line & word, np.uint64(stream), line >> np.uint64(32)
    k0, k1 = key & word, key >> np.uint64(32)
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & word, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & word
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & word, (k1 + np.uint64(0xBB67AE85)) & word
    which, *words = np.broadcast_arrays(place % np.uint64(4), c0, c1, c2, c3)
    return (np.choose(which.astype(np.int64), words) >= threshold).astype(dtype)
''',
}
"""Source by name."""


def needed(names: set[str]) -> list[str]:
    """`names` with the helpers that they call themselves, in the order of the table."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in HELPERS if re.search(rf"\b{other}\(", HELPERS[name]) and other != name]
    return [name for name in HELPERS if name in found]
