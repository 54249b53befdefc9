"""`python -m lithe`, the form that torchrun starts."""

from lithe.cli import main

if __name__ == "__main__":
    main()
