"""Design, train and measure efficient convolutional networks for a budget."""

__version__ = "0.1.0"
