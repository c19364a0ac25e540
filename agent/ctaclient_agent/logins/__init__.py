"""The logins in the store: sealed, opened, saved, and their refresh tokens spent by one at a time."""
