"""The rim that speaks HTTP: parse, one call, shape the answer. No rule of the domain lives here.

    requests      every request gets an id, a log line, safe headers and, when it breaks, an opaque 500
    problems      errors become application/problem+json, here and nowhere else; `kinds` is the table
    calls         the route class: who is asking is settled before a body is read, and bodies are bounded
    access        bearer tokens, scopes, the `Caller`, an administrator's `Act`
    paging        cursors and pages;  `conditions`: ETag, Idempotency-Key, Content-Digest, Accept
    clock         the one place where the rim reads the time, and how days and moments come in
    oauth         tokens for clients; `sign_in` takes the steps, `assertions` reads private_key_jwt, `brake` brakes
    documents, statuses, mailbox        the exchange; `messages` and `ranges` are what they share
    agencies, certificates, trust, clients        the registry
    ledger        checkpoints, tiles, proofs and entries of the log, and what witnesses sign; `ledger_shapes`
    audit, statistics        the delivery log and the figures; `queries` is what they share
    operation     health, figures for Prometheus (`metrics`), help on problems; `openapi`: the API's own description

Each module of calls has a `router`; `app.main` lists them. Paths are written in full beside their function.
"""
