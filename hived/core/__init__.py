"""The rules of the hive: pure transitions and the changes made of them. Knows no HTTP and starts no process."""
