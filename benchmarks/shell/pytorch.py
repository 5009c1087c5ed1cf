"""The digits with PyTorch and its DataLoader, as its quick start has it: `python pytorch.py MODEL`."""

import sys

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
parts = train_test_split((X / 16).astype("float32"), y, test_size=0.2, random_state=0, stratify=y)
X_train, X_test, y_train, y_test = map(torch.from_numpy, parts)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for _ in range(30):
    for images, labels in loader:
        loss = loss_fn(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
torch.save(net.state_dict(), sys.argv[1])
with torch.no_grad():
    print((net(X_test).argmax(1) == y_test).float().mean().item())
