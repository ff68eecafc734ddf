"""The strict signature profile, in the order in which it is checked (ours, decision 0003).

A document is `present`ed, its certificate is trusted or not by the caller, and only then is it `verify`ed. The numbers
are the same in the code of `profile`, `references`, `key_info` and `presented`, and in the names of the tests.

     (0) The markup was read by `app.markup`: bounded, UTF-8, no document type, no entities, comments dropped.
  present
     (1) One to four ds:Signature, children of edXMLHeader; several only over the whole document, one after the other
         (`present_all`). A Signature in another namespace is not verifiable.
     (2) No Id twice; Id, ID, id, xml:id and their like count as one.
     (3) ds:Signature holds SignedInfo, SignatureValue, KeyInfo, and nothing else but one Object with XAdES properties
         of level B or T (`xades`).
     (4) SignedInfo holds CanonicalizationMethod, SignatureMethod, one to sixteen Reference, and nothing else.
     (5) Canonical XML 1.0, 1.1 or exclusive, without comments; PrefixList for the exclusive form.
     (6) RSA PKCS#1 v1.5 or ECDSA with SHA-256, SHA-384 or (RSA) SHA-512. SHA-1, MD5, HMAC, DSA are refused by name.
     (7) Each Reference: URI "" or #NCName; at most two transforms, enveloped, then canonicalisation; SHA-2 digest.
         Properties are signed by a Reference of their own.
     (8) Each target exists, is not in the signature, and is enveloped exactly if it holds it; targets do not overlap.
     (9) SignatureValue is strict base64.
    (10) KeyInfo presents certificates, one of them clearly the signer's. Names and bare keys are passed over.
         Properties name the same certificate.
    (11) Key: RSA of 2,048 bits or more, P-256 or P-384; of the method's family; the value has the key's length.
  in between, by the caller: the certificate is registered for the sender and `path.validate` finds nothing
  verify
    (12) SignatureValue holds over SignedInfo.
    (13) Each digest holds over what the reference covers.
    (14) What was signed is returned; whoever acts on the document reads that and nothing else.
"""

from app.signing.presented import PresentedSignature, Reference, Signed, TimestampToken
from app.signing.profile import present, present_all
from app.signing.sign import SigningKey, sign
from app.signing.xades_markup import Xades

__all__ = [
    "PresentedSignature",
    "Reference",
    "Signed",
    "SigningKey",
    "TimestampToken",
    "Xades",
    "present",
    "present_all",
    "sign",
]
