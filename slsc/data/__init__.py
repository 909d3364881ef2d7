"""Images for training, calibration and evaluation."""
