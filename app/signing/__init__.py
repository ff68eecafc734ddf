"""XML signatures, certificates, certification paths and the node's own key. Pure: no clock, no network, no database.

xmldsig                 the front door: the strict profile in numbered steps, `present`, `verify`, `sign`
profile, references, key_info, presented
                        those steps; shape, canonical, algorithms and refusal are what they stand on
sign                    enveloped signatures that `verify` and every other implementation accept
certificates, revocations
                        reading certificates and lists of revoked ones
path                    certificate → verdict at a point in time
node_key, sealing_key
                        the node's ES256 key: receipts and access tokens; its AES key: secrets in the database
key_files               how both lie on disk
pkcs11                  keys in a token: of the node, and of whoever signs documents
"""
