"""Compute where the picture needs it: estimated errors, and the choice of a candidate for every region."""
