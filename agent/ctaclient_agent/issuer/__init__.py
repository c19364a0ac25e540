"""The issuer as the agent speaks with it: one HTTP, discovery, what answers mean, what is known of whom."""
