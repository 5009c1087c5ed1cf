"""The digits with scikit-learn's MLP, as its user guide has it: `python scikit_learn.py MODEL`."""

import sys
import warnings

import joblib
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # thirty epochs are what is asked for
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    (X / 16).astype("float32"), y, test_size=0.2, random_state=0, stratify=y
)
net = MLPClassifier((64,), alpha=0, batch_size=32, max_iter=30, n_iter_no_change=30, tol=0, random_state=0)
net.fit(X_train, y_train)
joblib.dump(net, sys.argv[1])
print(net.score(X_test, y_test))
