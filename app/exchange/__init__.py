"""The way of a document: receive → verify → route → commit → deliver → acknowledge.

    receive     request stream → body with its digest, spooled past a limit
    verify      body, trust → what was signed, read and checked
    route       envelope, directory → one delivery per recipient, or who cannot be reached
    decide      what an accepted document becomes: rows, receipt, events
    submit      the use case: all of the above, then one transaction
    report      the use case of a status message, through the state machine in `states`
    inbox       listing, waiting, acknowledging
    archive     what happened to a document: record, content, history, outbox

Each use case decides first and then opens one transaction that holds state and events together; a refusal is an event
of its own.
"""
