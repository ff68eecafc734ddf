"""Trục, an electronic document exchange node.

A document flows receive → verify → store → route → deliver → acknowledge → count. The rooms, in the order a document
meets them:

    routers/      HTTP: parse, one call, shape the answer; access; problems
    exchange/     the way of a document and its state machine
    markup/       hardened reading of untrusted XML
    edxml/        the format: vocabulary, model, reading, rules, writing, agency codes
    signing/      XML signatures, certificates, paths, the node's key
    registry/     who may exchange: agencies, certificates, trust anchors, clients
    webhooks/     telling clients' own servers what happened
    remote/       requests to servers outside
    store/        SQL and blobs
    ledger/       events, their order, their check
    statistics/   the fold over sealed events; reports
    console/      pages for people
    simulation/   the demonstration country, a client of the public API
    regulations/  the dated rules of exchange, and the working calendar

Imports go one way, from the edge inwards: `cli | main | worker`, then console and simulation, routers, exchange,
registry, ledger, statistics, store, edxml and signing, markup, and at the bottom settings, errors and findings.
"""

__version__ = "0.1.0"
