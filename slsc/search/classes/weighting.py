"""What the two extra losses count beside the expected error, which is 1 where all regions get the smallest network.

ClassSR has 0.5 and 3 beside 1000 times an L1 of 0..1. The budget's is above what a network is worth for its cost in all
but a few regions, so that the budget is met.
"""

CONFIDENCE, BUDGET = 0.1, 5.0
