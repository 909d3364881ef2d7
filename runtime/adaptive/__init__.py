"""Compute where the picture needs it: estimated errors, the choice of a candidate for every region, the map of choices."""
