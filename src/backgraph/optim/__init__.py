"""Optimisers and schedules: one paper per file, each building its step as graph."""

from backgraph.optim.adagrad import AdaGrad
from backgraph.optim.adam import Adam
from backgraph.optim.adamw import AdamW
from backgraph.optim.clipping import Clip, ClipByGlobalNorm, ClipByValue
from backgraph.optim.momentum import Momentum
from backgraph.optim.nesterov import Nesterov
from backgraph.optim.optimizer import Optimizer
from backgraph.optim.rmsprop import RMSProp
from backgraph.optim.schedules import Constant, Cosine, FlatCosine, InverseTime, OneCycle, Schedule, StepDecay, WarmUp
from backgraph.optim.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
"""Every optimiser by the name that the command line knows it by."""

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Clip",
    "ClipByGlobalNorm",
    "ClipByValue",
    "Constant",
    "Cosine",
    "FlatCosine",
    "InverseTime",
    "Momentum",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "StepDecay",
    "WarmUp",
]
