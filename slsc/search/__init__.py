"""Search: which N of every M each layer keeps within a budget, and the weights that go with it."""
