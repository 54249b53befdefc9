"""A trained network becomes an efficient one: convolutions replaced, their weights carried over.

`rows` says what stands in place of what, `split` has the mathematics, `layers` the modules
that come in, `places` what can be replaced, `rewrite` replaces, `refit` mends on images.
"""
