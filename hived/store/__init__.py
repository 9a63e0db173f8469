"""hive.sqlite: hived alone writes it. One module per noun; each holds that noun's SQL and nothing of its rules."""
