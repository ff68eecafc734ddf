"""What we sign others accept, and what others sign we accept: Apache Santuario in Java, and signxml.

RSA and ECDSA, three canonicalisations, signatures with a prefix and in the default namespace. xmlsec1 is in
`test_interop`. Everything Santuario does is done once, in one process.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree
from signxml import CanonicalizationMethod, SignatureConfiguration, XMLSigner, XMLVerifier, methods
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from app.signing.algorithms import Canonicalization
from app.signing.xmldsig import Xades, present_all, sign
from tests.signing.documents import document, present, read, seal, signed
from tests.support.pki import NOW
from tests.support.santuario import Santuario, ToSign

SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHODS = {"rsa2048": f"{MORE}rsa-sha256", "p256": f"{MORE}ecdsa-sha256"}
FORMS = [
    (key, canonicalization, prefix)
    for key in METHODS
    for canonicalization in Canonicalization
    for prefix in ("ds", None)
]
forms = pytest.mark.parametrize(
    ("key", "canonicalization", "prefix"),
    FORMS,
    ids=[f"{key}-{canonicalization.name}-{prefix or 'default'}" for key, canonicalization, prefix in FORMS],
)
Form = tuple[str, Canonicalization, str | None]


def ours(key: str, canonicalization: Canonicalization, prefix: str | None) -> bytes:
    by = seal(key)  # type: ignore[arg-type]
    return signed(by=by, chain=by.chain, canonicalization=canonicalization, prefix=prefix)


def several() -> bytes:
    """A person's signature below a seal, both with properties."""
    octets = signed(by=seal("p384"), xades=Xades(NOW))
    return sign(octets, key=seal().key, certificate=seal().certificate, xades=Xades(NOW), add=True)


@dataclass(frozen=True)
class Told:
    """What Santuario said and made.

    Attributes:
        accepted: answers about what we signed, by form; `xades`, `several` and `changed` beside.
        made: what it signed.
    """

    accepted: dict[object, str]
    made: dict[Form, bytes]


@pytest.fixture(scope="module")
def santuario(tmp_path_factory: pytest.TempPathFactory) -> Told:
    work = Santuario(tmp_path_factory.mktemp("santuario"))
    asked: dict[object, int] = {form: work.verify(ours(*form)) for form in FORMS}
    asked["changed"] = work.verify(ours(*FORMS[0]).replace(b"000.00.00.G22", b"000.00.00.G23"))
    asked["several"] = work.verify(several())
    for canonicalization in Canonicalization:
        properties = Xades(NOW, timestamp=lambda _octets: b"0\x03\x02\x01\x01")
        asked["xades", canonicalization] = work.verify(signed(canonicalization=canonicalization, xades=properties))
    files: dict[Form, Path] = {
        (key, canonicalization, prefix): work.sign(
            ToSign(document(), seal(key), METHODS[key], canonicalization, SHA256, prefix or "")  # type: ignore[arg-type]
        )
        for key, canonicalization, prefix in FORMS
    }
    answers = work.run()
    return Told(
        {what: answers[number] for what, number in asked.items()},
        {form: path.read_bytes() for form, path in files.items()},
    )


@forms
def test_santuario_accepts_what_we_sign(
    key: str, canonicalization: Canonicalization, prefix: str | None, santuario: Told
) -> None:
    assert santuario.accepted[key, canonicalization, prefix] == "true"


@forms
def test_we_accept_what_santuario_signs(
    key: str, canonicalization: Canonicalization, prefix: str | None, santuario: Told
) -> None:
    for spliced in (False, True):
        found = present(santuario.made[key, canonicalization, prefix], spliced=spliced)
        assert found.certificate == seal(key).certificate  # type: ignore[arg-type]
        assert found.verify().covers_document


def test_santuario_refuses_what_we_refuse(santuario: Told) -> None:
    assert santuario.accepted["changed"] == "false"


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_santuario_accepts_properties_we_sign(canonicalization: Canonicalization, santuario: Told) -> None:
    assert santuario.accepted["xades", canonicalization] == "true"


def test_santuario_accepts_several_signatures_one_after_the_other(santuario: Told) -> None:
    assert santuario.accepted["several"] == "true"
    presented = present_all(read(several()))
    assert [each.verify().covers_document for each in reversed(presented)] == [True, True]


@forms
def test_signxml_accepts_what_we_sign(key: str, canonicalization: Canonicalization, prefix: str | None) -> None:
    """All but the inclusive forms in the default namespace, of which signxml hashes other octets (its issue 193)."""
    usual = SignatureConfiguration(location="./{*}edXMLEnvelope/{*}edXMLHeader/")
    try:
        XMLVerifier().verify(
            ours(key, canonicalization, prefix),
            x509_cert=seal(key).pem(),  # type: ignore[arg-type]
            expect_config=usual,
        )
        accepted = True
    except Exception:
        accepted = False
    assert accepted == (prefix is not None or canonicalization is Canonicalization.EXCLUSIVE)


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
@pytest.mark.parametrize("key", METHODS)
def test_we_accept_what_signxml_signs(key: str, canonicalization: Canonicalization) -> None:
    by = seal(key)  # type: ignore[arg-type]
    placeholder = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>'
    signer = XMLSigner(
        method=methods.enveloped,
        signature_algorithm=SignatureMethod(METHODS[key]),
        digest_algorithm=DigestAlgorithm(SHA256),
        c14n_algorithm=CanonicalizationMethod(canonicalization.value),
    )
    root = etree.fromstring(document(header=placeholder))
    made = signer.sign(root, key=by.key_pem(), cert=by.pem())
    assert present(etree.tostring(made)).verify().covers_document
