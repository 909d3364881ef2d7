"""Networks opened for use: loaded from files, run as restorers, compared with each other."""
