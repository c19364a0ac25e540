"""One HTTP/1.1 stack for metadata and data: connections, Expect, redirects, tokens, error mapping.

httpx never waits for `100 Continue`, turns a redirected PROPFIND into GET and cannot send a file body twice
(storage.md 9.6), so everything goes through `Session`, an `httpx.BaseTransport` of ours over `Wire`, another one.
"""
