"""Access tokens: the store's format and its readers, WLCG discovery, locks. Standard library only.

The store has one directory for each profile::

    STORE/PROFILE/token          the access token, one line, for us and for every other program
    STORE/PROFILE/record.json    when it ends, whose it is, what went wrong: nothing secret
    STORE/PROFILE/pending.json   while a login waits for approval: where, and until when; nothing secret
    STORE/PROFILE/login.sealed   the refresh token, which only the agent can open
    STORE/PROFILE/scoped/KEY/    token and record again, for a narrower scope or another audience
    STORE/PROFILE/spending/      who is about to use the refresh token
    STORE/lease/                 which machine's agent refreshes
    STORE/machines/              the public keys of the machines that may open the logins

Directories are 0700, files 0600, each is replaced atomically.
"""
