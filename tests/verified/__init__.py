"""The issue's "done when", each as a script on real parts. `python -m tests.verified` runs all and writes docs/VERIFIED.md."""
