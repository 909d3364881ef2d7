"""Restoration networks as the field exports them: small, trained by this package, each with what is right for it."""
