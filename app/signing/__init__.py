"""XML signatures, certificates, certification paths and the node's own key. Pure: no clock, no network, no database.

canonical, algorithms      what is hashed and with what
present, verify            the strict profile in numbered steps; `xmldsig` is its front door
sign                       enveloped signatures that `verify` and every other implementation accept
certificates, revocations  reading certificates and CRLs
path                       certificate → verdict at a point in time
node_key                   the node's ES256 key: receipts and access tokens
"""
