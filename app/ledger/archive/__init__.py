"""The ledger as a folder of files: written from the database, checked from the files alone (decision 0023).

manifest.json       what there is, with digests; written last, so a folder with one is whole
keys.json           the node's public keys (JWK Set), as a convenience: trust comes from outside
entries/<month>/<first>-<end>.ndjson.gz
                    bodies of events, a line each, exactly the octets their leaves are hashes of; indices count on from
                    the first
tile/<level>/<path>, tile/entries/<path>
                    as C2SP tlog-tiles names them; level 0 are hashes of entries
checkpoints/<size>.ndjson.gz
                    of those that stay: size, signed note with cosignatures, RFC 3161 token over the text (base64)
reports/<month>.<version>.json
                    frozen reports of closed months

A month of the ledger is a run of indices: an entry belongs to the latest month, in Vietnam, that it or an entry before
it happened in. So months follow each other without a gap although clocks of processes differ.
"""
