"""Speed, each as a ratio to a floor measured in the same run, medians of five: `make bench`, `make bench CHECK=1`."""
