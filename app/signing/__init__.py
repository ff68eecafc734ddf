"""XML signatures, certificates, certification paths and the node's own key. Pure: no clock, no network, no database.

xmldsig                 the front door: the strict profile in numbered steps, `present`, `verify`, `sign`
profile, references, key_info, presented
                        those steps; shape, canonical, algorithms and refusal are what they stand on
sign                    enveloped signatures that `verify` and every other implementation accept
certificates, revocations
                        reading certificates and lists of revoked ones
path                    certificate → verdict at a point in time
node_key, ledger_key, sealing_key
                        the node's ES256 key: receipts and access tokens; its Ed25519 key: checkpoints of the ledger;
                        its AES key: secrets in the database
key_files, signed_trees how they lie on disk, and what the ledger's key has signed
merkle, checkpoint, note
                        the ledger's tree, and the signed text that says how large it is and what its root is
timestamps, stamped_receipt
                        since when a signature or a receipt exists
pkcs11                  keys in a token: of the node, and of whoever signs documents
"""
