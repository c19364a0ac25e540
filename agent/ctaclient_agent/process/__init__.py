"""The process: keeping it private and small, its log, its environment."""
