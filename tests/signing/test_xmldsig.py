"""The strict profile step by step: what each step accepts and what it refuses. Numbers as in `app.signing.xmldsig`."""

import base64
import time

import pytest
from lxml import etree

from app.errors import DocumentRefused
from app.findings import Severity
from app.signing.algorithms import ENVELOPED, XMLDSIG, Canonicalization
from tests.signing.documents import EDXML, SPLICED, document, present, read, refusal_of, seal, signed
from tests.support.pki import Pki, shared_pki

HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
SIGNATURE = f"{HEADER}/Signature"
GOOD = signed()


def changed(old: str, new: str, *, octets: bytes = GOOD, count: int = 1) -> bytes:
    """A signed document with one change."""
    assert octets.count(old.encode()) >= 1, f"{old} is not in the document"
    return octets.replace(old.encode(), new.encode(), count)


def test_signed_document_is_accepted_and_covered_whole() -> None:
    presented = present(GOOD)
    assert presented.certificate == seal().certificate
    assert presented.sha256 == seal().sha256
    assert presented.chain == ()
    assert presented.findings == ()
    found = presented.verify()
    assert found.covers_document
    assert found.root is presented.markup.root
    assert found.elements == (presented.markup.root,)
    assert found.signature_algorithm == "ecdsa-sha256"
    assert found.digest_algorithms == ("sha256",)
    assert found.canonicalization is Canonicalization.EXCLUSIVE


def test_spliced_document_gives_the_same() -> None:
    presented = present(GOOD, spliced=True)
    assert presented.markup.runs
    assert presented.verify().covers_document


def test_signature_is_gone_from_what_is_returned_and_the_rest_is_not() -> None:
    presented = present(signed(document(header="\n      <?kept?>")))
    root = presented.verify().root
    assert not list(root.iter(f"{{{XMLDSIG}}}*"))
    assert etree.tostring(root) == etree.tostring(read(document(header="\n      <?kept?>")).root)


def test_verify_may_be_repeated() -> None:
    presented = present(GOOD)
    presented.verify()
    assert presented.verify().covers_document


def test_presented_signature_gives_the_other_certificates_as_they_came() -> None:
    presented = present(signed(chain=[*seal().chain, shared_pki().root.certificate]))
    assert presented.certificate == seal().certificate
    assert presented.chain == (*seal().chain, shared_pki().root.certificate)


def test_certificates_may_come_in_any_order_and_twice() -> None:
    own = base64.b64encode(seal().der()).decode()
    above = base64.b64encode(shared_pki().issuing.der()).decode()
    octets = changed(
        f"<ds:X509Certificate>{own}",
        f"<ds:X509Certificate>{above}</ds:X509Certificate><ds:X509Certificate>{own}</ds:X509Certificate>"
        f"<ds:X509Certificate>{own}",
    )
    assert present(octets).certificate == seal().certificate
    assert present(octets).verify().covers_document


# Step 1: exactly one ds:Signature, in edXMLHeader.


def test_1_unsigned_document_is_refused() -> None:
    assert refusal_of(document()) == ("ours.signature.missing", None)


@pytest.mark.parametrize("namespace", [EDXML, "", "urn:other"])
def test_1_signature_in_another_namespace_is_present_and_not_verifiable(namespace: str) -> None:
    code, place = refusal_of(document(header=f'<Signature xmlns="{namespace}"><SignedInfo/></Signature>'))
    assert code == "xmldsig.4.1.foreign-namespace"
    assert place == SIGNATURE


def test_1_legacy_signature_beside_a_good_one_is_a_warning() -> None:
    presented = present(signed(document(header="<Signature/>")))
    (finding,) = presented.findings
    assert finding.code == "xmldsig.4.1.foreign-namespace"
    assert finding.severity is Severity.WARNING
    assert presented.verify().covers_document


def test_1_second_signature_is_refused() -> None:
    start, end = GOOD.index(b"<ds:Signature "), GOOD.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    octets = GOOD[:end] + GOOD[start:end] + GOOD[end:]
    assert refusal_of(octets) == ("ours.signature.several", f"{SIGNATURE}[2]")


@pytest.mark.parametrize("after", ["<edXML:edXMLBody", "<edXML:edXMLManifest", "<AttachmentEncoded>", "<edXML:From>"])
def test_1_signature_elsewhere_is_refused(after: str) -> None:
    start, end = GOOD.index(b"<ds:Signature "), GOOD.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    signature, rest = GOOD[start:end], GOOD[:start] + GOOD[end:]
    place = rest.index(after.encode())
    code, _ = refusal_of(rest[:place] + signature + rest[place:])
    assert code == "ours.signature.misplaced"


@pytest.mark.parametrize("spelling", ["edXMLHeader", "EdXMLHeader"])
@pytest.mark.parametrize("root", ["edXML", "EdXML"])
def test_1_spellings_of_real_senders_are_accepted(root: str, spelling: str) -> None:
    octets = document().replace(b"<edXML ", f"<{root} ".encode()).replace(b"</edXML>", f"</{root}>".encode())
    octets = octets.replace(b"edXMLHeader>", f"{spelling}>".encode())
    assert present(signed(octets)).verify().covers_document


def test_1_envelope_may_be_the_root() -> None:
    octets = f'<edXMLEnvelope xmlns="{EDXML}"><edXMLHeader><A/></edXMLHeader></edXMLEnvelope>'.encode()
    assert present(signed(octets)).verify().covers_document


# Step 2: no Id twice.


@pytest.mark.parametrize("spelling", ["Id", "ID", "id", "iD", "xml:id", "q:Id"])
def test_2_ids_are_unique_however_they_are_spelled(spelling: str) -> None:
    octets = signed(document(root_attributes=' xmlns:q="urn:q"'))
    code, place = refusal_of(changed("<edXML:TraceHeader/>", f'<edXML:TraceHeader {spelling}="body"/>', octets=octets))
    assert code == "xmldsig.4.3.id-ambiguous"
    assert place == "/edXML/edXMLEnvelope/edXMLBody"


def test_2_same_id_in_two_spellings_on_one_element_is_refused() -> None:
    assert refusal_of(changed('Id="body"', 'Id="body" ID="body"'))[0] == "xmldsig.4.3.id-ambiguous"


# Step 3: the children of ds:Signature.


def test_3_object_in_the_signature_is_refused() -> None:
    octets = changed("</ds:Signature>", "<ds:Object><evil/></ds:Object></ds:Signature>")
    assert refusal_of(octets) == ("ours.signature.object", f"{SIGNATURE}/Object")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:SignatureValue>", "<ds:SignedInfo/><ds:SignatureValue>"),
        ("<ds:KeyInfo>", "<ds:SignatureValue>AA==</ds:SignatureValue><ds:KeyInfo>"),
        ("<ds:KeyInfo>", "<ds:Manifest/><ds:KeyInfo>"),
        ("<ds:KeyInfo>", "<evil/><ds:KeyInfo>"),
        ("<ds:KeyInfo>", "text<ds:KeyInfo>"),
        ("<ds:KeyInfo>", "<?look?><ds:KeyInfo>"),
        ("<ds:SignedInfo>", "text<ds:SignedInfo>"),
        ("<ds:Signature ", '<ds:Signature other="1" '),
        ("<ds:SignedInfo>", "<ds:SignedInfo/>" * 9 + "<ds:SignedInfo>"),
    ],
    ids=["SignedInfo", "value", "Manifest", "foreign", "text", "instruction", "text-first", "attribute", "many"],
)
def test_3_anything_else_in_the_signature_is_refused(old: str, new: str) -> None:
    assert refusal_of(changed(old, new)) == ("xmldsig.4.1.shape", SIGNATURE)


def test_3_signature_without_key_info_is_refused() -> None:
    start, end = GOOD.index(b"<ds:KeyInfo>"), GOOD.index(b"</ds:KeyInfo>") + len(b"</ds:KeyInfo>")
    assert refusal_of(GOOD[:start] + GOOD[end:]) == ("xmldsig.4.4.certificate-missing", SIGNATURE)


def test_3_ids_in_the_signature_are_accepted() -> None:
    octets = changed("<ds:Signature ", '<ds:Signature Id="s1" ')
    octets = changed("<ds:SignatureValue>", '<ds:SignatureValue Id="s2">', octets=octets)
    octets = changed("<ds:KeyInfo>", '<ds:KeyInfo Id="s3">', octets=octets)
    assert present(octets).verify().covers_document


# Step 4: the children of SignedInfo.


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:SignatureMethod ", "<ds:CanonicalizationMethod/><ds:SignatureMethod "),
        ("<ds:Reference ", "<ds:Object/><ds:Reference "),
        ("<ds:Reference ", "<evil/><ds:Reference "),
        ("<ds:SignedInfo>", '<ds:SignedInfo evil="1">'),
        ("</ds:SignedInfo>", "<ds:KeyInfo/></ds:SignedInfo>"),
    ],
)
def test_4_anything_else_in_signed_info_is_refused(old: str, new: str) -> None:
    assert refusal_of(changed(old, new)) == ("xmldsig.4.3.shape", f"{SIGNATURE}/SignedInfo")


def _without_reference() -> bytes:
    start, end = GOOD.index(b"<ds:Reference "), GOOD.index(b"</ds:Reference>") + len(b"</ds:Reference>")
    return GOOD[:start] + GOOD[end:]


def test_4_signature_over_nothing_is_refused() -> None:
    assert refusal_of(_without_reference()) == ("xmldsig.4.3.shape", f"{SIGNATURE}/SignedInfo")


@pytest.mark.parametrize("count", [17, 2_000])
def test_4_many_references_are_refused_at_once(count: int) -> None:
    octets = changed("</ds:SignedInfo>", '<ds:Reference URI=""/>' * (count - 1) + "</ds:SignedInfo>")
    started = time.process_time()
    assert refusal_of(octets) == ("ours.signature.references-too-many", f"{SIGNATURE}/SignedInfo")
    assert time.process_time() - started < 0.5


# Step 5: canonicalisation.


@pytest.mark.parametrize(
    ("uri", "defect"),
    [
        (Canonicalization.EXCLUSIVE + "WithComments", "with-comments"),
        (Canonicalization.INCLUSIVE + "#WithComments", "with-comments"),
        (Canonicalization.INCLUSIVE_11 + "#WithComments", "with-comments"),
        ("http://www.w3.org/2010/xml-c14n2", "canonicalization"),
        ("", "canonicalization"),
    ],
)
def test_5_other_canonicalizations_are_refused(uri: str, defect: str) -> None:
    octets = changed(
        f'<ds:CanonicalizationMethod Algorithm="{Canonicalization.EXCLUSIVE}"',
        f'<ds:CanonicalizationMethod Algorithm="{uri}"',
    )
    assert refusal_of(octets) == (f"ours.signature.{defect}", f"{SIGNATURE}/SignedInfo/CanonicalizationMethod")


@pytest.mark.parametrize(
    "content",
    [
        "text",
        "<evil/>",
        '<e:InclusiveNamespaces xmlns:e="urn:other" PrefixList="a"/>',
        '<e:InclusiveNamespaces xmlns:e="{e}"/>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a" other="b"/>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a">text</e:InclusiveNamespaces>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a"><e:x/></e:InclusiveNamespaces>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a"/>text',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a"/><e:x xmlns:e="{e}"/>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="a:b"/>',
        '<e:InclusiveNamespaces xmlns:e="{e}" PrefixList="#other"/>',
        f'<e:InclusiveNamespaces xmlns:e="{{e}}" PrefixList="{" ".join(f"p{n}" for n in range(33))}"/>',
    ],
)
def test_5_other_parameters_of_canonicalization_are_refused(content: str) -> None:
    method = f'<ds:CanonicalizationMethod Algorithm="{Canonicalization.EXCLUSIVE}"'
    content = content.replace("{e}", Canonicalization.EXCLUSIVE)
    octets = changed(f"{method}/>", f"{method}>{content}</ds:CanonicalizationMethod>")
    assert refusal_of(octets)[0] == "xmldsig.4.3.c14n-parameters"


def test_5_prefix_list_belongs_to_the_exclusive_form_alone() -> None:
    octets = signed(canonicalization=Canonicalization.INCLUSIVE)
    method = f'<ds:CanonicalizationMethod Algorithm="{Canonicalization.INCLUSIVE}"'
    inside = f'<e:InclusiveNamespaces xmlns:e="{Canonicalization.EXCLUSIVE}" PrefixList="a"/>'
    octets = changed(f"{method}/>", f"{method}>{inside}</ds:CanonicalizationMethod>", octets=octets)
    assert refusal_of(octets)[0] == "xmldsig.4.3.c14n-parameters"


# Step 6: the signature algorithm.

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


@pytest.mark.parametrize(
    ("uri", "defect"),
    [
        (f"{XMLDSIG}rsa-sha1", "sha1"),
        (f"{XMLDSIG}dsa-sha1", "sha1"),
        (f"{MORE}ecdsa-sha1", "sha1"),
        (f"{MORE}rsa-md5", "md5"),
        (f"{XMLDSIG}hmac-sha1", "hmac"),
        (f"{MORE}hmac-sha256", "hmac"),
        ("http://www.w3.org/2009/xmldsig11#dsa-sha256", "dsa"),
        ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", "algorithm"),
        (f"{MORE}ecdsa-sha512", "algorithm"),
        (f"{MORE}rsa-sha224", "algorithm"),
        ("http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", "algorithm"),
        ("", "algorithm"),
    ],
)
def test_6_other_signature_algorithms_are_refused_by_name(uri: str, defect: str) -> None:
    octets = changed(f"{MORE}ecdsa-sha256", uri)
    assert refusal_of(octets) == (f"ours.signature.{defect}", f"{SIGNATURE}/SignedInfo/SignatureMethod")


def test_6_signature_algorithm_without_a_name_is_refused() -> None:
    octets = changed(f' Algorithm="{MORE}ecdsa-sha256"', "")
    assert refusal_of(octets)[0] == "ours.signature.algorithm"


@pytest.mark.parametrize("content", ["<ds:HMACOutputLength>8</ds:HMACOutputLength>", "text"])
def test_6_parameters_of_the_signature_algorithm_are_refused(content: str) -> None:
    method = f'<ds:SignatureMethod Algorithm="{MORE}ecdsa-sha256"'
    octets = changed(f"{method}/>", f"{method}>{content}</ds:SignatureMethod>")
    assert refusal_of(octets) == ("xmldsig.4.3.shape", f"{SIGNATURE}/SignedInfo/SignatureMethod")


# Step 7: references.

REFERENCE = f"{SIGNATURE}/SignedInfo/Reference"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/hostname",
        "http://example.org/a.xml",
        "cid:1",
        "#xpointer(/)",
        "#xpointer(id('body'))",
        "other.xml#body",
        "#",
        "#a b",
        "#1a",
        "body",
        f"#{'x' * 201}",
    ],
)
def test_7_foreign_references_are_refused(uri: str) -> None:
    assert refusal_of(changed('URI=""', f'URI="{uri}"')) == ("xmldsig.4.3.reference-foreign", REFERENCE)


def test_7_reference_without_uri_is_refused() -> None:
    assert refusal_of(changed(' URI=""', "")) == ("xmldsig.4.3.reference-foreign", REFERENCE)


def test_7_reference_with_a_type_is_refused() -> None:
    octets = changed('URI=""', f'URI="" Type="{XMLDSIG}Manifest"')
    assert refusal_of(octets) == ("xmldsig.4.3.shape", REFERENCE)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<ds:DigestMethod ", "<ds:DigestMethod/><ds:DigestMethod ", "xmldsig.4.3.shape"),
        ("<ds:Transforms>", "<ds:Object/><ds:Transforms>", "xmldsig.4.3.shape"),
        (
            '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>',
            "<ds:KeyName/>",
            "xmldsig.4.3.shape",
        ),
        ("<ds:Transforms>", "<ds:Transforms><ds:Object/>", "ours.signature.transforms-too-many"),
        ("<ds:Transforms>", '<ds:Transforms a="1">', "xmldsig.4.3.shape"),
        ("</ds:DigestValue></ds:Reference>", "</ds:DigestValue>x</ds:Reference>", "xmldsig.4.3.shape"),
        ("<ds:DigestValue>", '<ds:DigestValue a="1">', "xmldsig.4.3.shape"),
    ],
)
def test_7_reference_of_another_shape_is_refused(old: str, new: str, code: str) -> None:
    assert refusal_of(changed(old, new))[0] == code


def transforms(*listed: str) -> bytes:
    start, end = GOOD.index(b"<ds:Transforms>"), GOOD.index(b"</ds:Transforms>")
    written = "".join(f'<ds:Transform Algorithm="{each}"/>' if each else "<ds:Object/>" for each in listed)
    return GOOD[:start] + b"<ds:Transforms>" + written.encode() + GOOD[end:]


EXC, INC = Canonicalization.EXCLUSIVE.value, Canonicalization.INCLUSIVE.value


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ((), "xmldsig.4.3.shape"),
        ((ENVELOPED, ""), "xmldsig.4.3.shape"),
        ((EXC, ENVELOPED), "ours.signature.transform"),
        ((EXC, INC), "ours.signature.transform"),
        ((ENVELOPED, ENVELOPED), "ours.signature.transform"),
        (("http://www.w3.org/TR/1999/REC-xslt-19991116",), "ours.signature.transform"),
        (("http://www.w3.org/TR/1999/REC-xpath-19991116",), "ours.signature.transform"),
        ((ENVELOPED, "http://www.w3.org/2002/06/xmldsig-filter2"), "ours.signature.transform"),
        ((f"{XMLDSIG}base64",), "ours.signature.transform"),
        ((ENVELOPED, f"{EXC}WithComments"), "ours.signature.with-comments"),
        ((ENVELOPED, EXC, EXC), "ours.signature.transforms-too-many"),
        ((ENVELOPED,) * 1_000, "ours.signature.transforms-too-many"),
    ],
)
def test_7_other_transforms_are_refused(listed: tuple[str, ...], code: str) -> None:
    started = time.process_time()
    assert refusal_of(transforms(*listed))[0] == code
    assert time.process_time() - started < 0.5


def test_7_content_in_the_enveloped_transform_is_refused() -> None:
    transform = f'<ds:Transform Algorithm="{ENVELOPED}"'
    assert refusal_of(changed(f"{transform}/>", f"{transform}>x</ds:Transform>"))[0] == "xmldsig.4.3.shape"


@pytest.mark.parametrize(
    ("uri", "defect"),
    [(f"{XMLDSIG}sha1", "sha1"), (f"{MORE}md5", "md5"), (f"{MORE}sha224", "algorithm"), ("", "algorithm")],
)
def test_7_other_digests_are_refused_by_name(uri: str, defect: str) -> None:
    octets = changed("http://www.w3.org/2001/04/xmlenc#sha256", uri)
    assert refusal_of(octets) == (f"ours.signature.{defect}", f"{REFERENCE}/DigestMethod")


def test_7_digest_of_another_length_is_refused() -> None:
    octets = changed("http://www.w3.org/2001/04/xmlenc#sha256", f"{MORE}sha384")
    assert refusal_of(octets) == ("xmldsig.4.3.digest-length", f"{REFERENCE}/DigestValue")


# Step 8: what references point to.


def test_8_reference_to_nothing_is_refused() -> None:
    assert refusal_of(changed('URI=""', 'URI="#nothing"')) == ("xmldsig.4.3.reference-unresolved", REFERENCE)


@pytest.mark.parametrize("inside", ["<ds:KeyInfo>", "<ds:SignedInfo>", "<ds:SignatureValue>"])
def test_8_reference_into_the_signature_is_refused(inside: str) -> None:
    octets = changed(inside, inside.replace(">", ' Id="s">'))
    octets = changed('URI=""', 'URI="#s"', octets=octets)
    assert refusal_of(octets) == ("xmldsig.4.3.reference-into-signature", REFERENCE)


def test_8_reference_to_the_signature_is_refused() -> None:
    octets = changed('URI=""', 'URI="#s"', octets=changed("<ds:Signature ", '<ds:Signature Id="s" '))
    assert refusal_of(octets) == ("xmldsig.4.3.reference-into-signature", REFERENCE)


def test_8_whole_document_needs_the_enveloped_transform() -> None:
    assert refusal_of(transforms(EXC)) == ("xmldsig.6.6.enveloped", REFERENCE)
    start, end = GOOD.index(b"<ds:Transforms>"), GOOD.index(b"</ds:Transforms>") + len(b"</ds:Transforms>")
    assert refusal_of(GOOD[:start] + GOOD[end:]) == ("xmldsig.6.6.enveloped", REFERENCE)


def test_8_enveloped_transform_is_for_what_contains_the_signature() -> None:
    assert refusal_of(changed('URI=""', 'URI="#body"')) == ("xmldsig.6.6.enveloped", REFERENCE)


def _twice(first: str, second: str) -> bytes:
    """Two references, the second without a good digest."""
    octets = signed(reference_id="body")
    start, end = octets.index(b"<ds:Reference "), octets.index(b"</ds:Reference>") + len(b"</ds:Reference>")
    reference = octets[start:end]
    both = reference.replace(b"#body", first.encode()) + reference.replace(b"#body", second.encode())
    return octets[:start] + both + octets[end:]


def test_8_overlapping_references_are_refused() -> None:
    assert refusal_of(_twice("#body", "#body"))[0] == "ours.signature.references-overlap"
    octets = changed("<edXML:edXMLManifest ", '<edXML:edXMLManifest Id="m" ', octets=_twice("#m", "#body"))
    assert refusal_of(octets)[0] == "ours.signature.references-overlap"


def test_8_part_that_is_signed_is_returned_and_the_document_is_not_covered() -> None:
    found = present(signed(reference_id="body")).verify()
    assert not found.covers_document
    assert [element.get("Id") for element in found.elements] == ["body"]


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_8_root_signed_by_its_id_does_not_cover_the_document(canonicalization: Canonicalization) -> None:
    """Instructions around the root are not signed then."""
    octets = signed(document(root_attributes=' ID="all"'), reference_id="all", canonicalization=canonicalization)
    found = present(octets + b"<?unsigned?>").verify()
    assert not found.covers_document
    assert found.root.get("ID") == "all"


# Step 9: SignatureValue.


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-4],
        lambda value: value + b"AAAA",
        lambda value: value.rstrip(b"="),
        lambda value: b"!" + value,
        lambda value: value[:10] + b"-" + value[11:],
        lambda value: b"",
        lambda value: value + b"=",
        lambda value: "ế".encode() + value,
        lambda value: b"<ds:x/>" + value,
        lambda value: b"A" * 4_000,
    ],
)
def test_9_signature_value_is_strict_base64(change: object) -> None:
    start = GOOD.index(b"<ds:SignatureValue>") + len(b"<ds:SignatureValue>")
    end = GOOD.index(b"</ds:SignatureValue>")
    octets = GOOD[:start] + change(GOOD[start:end]) + GOOD[end:]  # type: ignore[operator]
    code, place = refusal_of(octets)
    assert code in ("xmldsig.4.2.base64", "xmldsig.4.2.value-length")
    assert place == f"{SIGNATURE}/SignatureValue"


def test_9_stray_bits_in_the_last_character_are_refused() -> None:
    octets = signed(by=seal("rsa2048"))
    end = octets.index(b"==</ds:SignatureValue>")
    # The last character carries two bits of the value and four that must be zero.
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = alphabet[alphabet.index(octets[end - 1]) + 1 : alphabet.index(octets[end - 1]) + 2]
    assert refusal_of(octets[: end - 1] + stray + octets[end:])[0] == "xmldsig.4.2.base64"


def test_9_line_breaks_in_values_are_accepted() -> None:
    start = GOOD.index(b"<ds:SignatureValue>") + len(b"<ds:SignatureValue>")
    octets = GOOD[:start] + b"\r\n  " + GOOD[start : start + 9] + b"\t&#13;\n" + GOOD[start + 9 :]
    assert present(octets).verify().covers_document


def test_9_attributes_of_the_value_are_refused() -> None:
    octets = changed("<ds:SignatureValue>", '<ds:SignatureValue evil="1">')
    assert refusal_of(octets) == ("xmldsig.4.2.shape", f"{SIGNATURE}/SignatureValue")


@pytest.mark.parametrize("where", ["SignatureValue", "X509Certificate", "DigestValue"])
def test_9_value_that_was_cut_out_for_its_length_is_refused(where: str) -> None:
    """Below the splice's own threshold nothing is cut from signatures; here everything of 64 octets is."""
    octets = changed(f"<ds:{where}>", f"<ds:{where}>" + "A" * 40_000)
    for spliced in (False, True):
        assert refusal_of(octets, spliced=spliced)[0].endswith("base64")
    assert SPLICED.run_bytes_min == 64


# Step 10: KeyInfo.

KEY_INFO = f"{SIGNATURE}/KeyInfo"


@pytest.mark.parametrize(
    "beside",
    [
        "<ds:KeyName>anybody</ds:KeyName>",
        "<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>",
    ],
)
def test_10_names_and_bare_keys_are_passed_over(beside: str) -> None:
    presented = present(changed("<ds:KeyInfo>", f"<ds:KeyInfo>{beside}"))
    assert presented.certificate == seal().certificate
    assert presented.verify().covers_document


def test_10_names_beside_the_certificate_are_passed_over() -> None:
    octets = changed("<ds:X509Data>", "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName>")
    assert present(octets).verify().covers_document


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:KeyInfo>", '<ds:KeyInfo><ds:RetrievalMethod URI="http://example.org/"/>'),
        ("<ds:KeyInfo>", "<ds:KeyInfo><ds:MgmtData/>"),
        ("<ds:X509Data>", "<ds:X509Data><ds:X509CRL/>"),
        ("<ds:X509Data>", '<ds:X509Data><ds:X509Digest Algorithm=""/>'),
    ],
)
def test_10_other_ways_to_a_key_are_refused(old: str, new: str) -> None:
    assert refusal_of(changed(old, new))[0] == "xmldsig.4.4.key-info"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:KeyInfo>", "<ds:KeyInfo>text"),
        ("<ds:KeyInfo>", "<ds:KeyInfo><evil/>"),
        ("<ds:KeyInfo>", '<ds:KeyInfo a="1">'),
        ("<ds:X509Data>", '<ds:X509Data a="1">'),
        ("<ds:X509Certificate>", '<ds:X509Certificate a="1">'),
        ("<ds:KeyInfo>", "<ds:KeyInfo>" + "<ds:KeyName/>" * 9),
    ],
)
def test_10_key_info_of_another_shape_is_refused(old: str, new: str) -> None:
    assert refusal_of(changed(old, new))[0] == "xmldsig.4.4.shape"


def _certificates(*der: bytes) -> bytes:
    start, end = GOOD.index(b"<ds:X509Certificate>"), GOOD.index(b"</ds:X509Data>")
    listed = b"".join(b"<ds:X509Certificate>" + base64.b64encode(each) + b"</ds:X509Certificate>" for each in der)
    return GOOD[:start] + listed + GOOD[end:]


def test_10_key_info_without_a_certificate_is_refused() -> None:
    assert refusal_of(_certificates()) == ("xmldsig.4.4.certificate-missing", KEY_INFO)


def test_10_two_possible_signers_are_refused() -> None:
    other = shared_pki().seal("000.00.00.H41", "UBND tỉnh Mẫu", key="p256")
    for listed in ((seal().der(), other.der()), (other.der(), seal().der())):
        assert refusal_of(_certificates(*listed)) == ("xmldsig.4.4.signer-ambiguous", KEY_INFO)


def test_10_certificates_that_issue_each_other_are_refused() -> None:
    root, other = Pki.new("vòng", slot=960), Pki.new("vòng", slot=970)
    listed = (root.root.der(), other.root.der())
    assert refusal_of(_certificates(*listed)) == ("xmldsig.4.4.signer-ambiguous", KEY_INFO)


def test_10_many_certificates_are_refused() -> None:
    listed = [seal().der()] * 6
    assert refusal_of(_certificates(*listed)) == ("ours.signature.certificates-too-many", KEY_INFO)
    assert refusal_of(_certificates(*listed * 50))[0] == "xmldsig.4.4.shape"


@pytest.mark.parametrize("der", [b"\x30\x03\x02\x01\x01", b"not DER", b"\x30\x80" + bytes(64)])
def test_10_unreadable_certificate_is_refused(der: bytes) -> None:
    code, place = refusal_of(_certificates(der))
    assert code == "xmldsig.4.4.certificate-unreadable"
    assert place == f"{KEY_INFO}/X509Data/X509Certificate"


def test_10_certificate_that_is_too_long_is_refused() -> None:
    assert refusal_of(_certificates(bytes(17_000)))[0] == "xmldsig.4.4.base64"


# Step 11: the key.


def test_11_short_key_is_refused_before_it_is_used() -> None:
    weak = shared_pki().short_key()
    assert refusal_of(_certificates(weak.der()))[0] == "ours.signature.key-weak"


@pytest.mark.parametrize("key", ["p521", "ed25519", "dsa"])
def test_11_other_kinds_of_keys_are_refused(key: str) -> None:
    other = shared_pki().seal(key=key)  # type: ignore[arg-type]
    assert refusal_of(_certificates(other.der()))[0] == "ours.signature.key-weak"


def test_11_algorithm_of_another_family_than_the_key_is_refused() -> None:
    assert refusal_of(changed("#ecdsa-sha256", "#rsa-sha256"))[0] == "xmldsig.4.4.key-mismatch"
    assert refusal_of(_certificates(seal("rsa2048").der()))[0] == "xmldsig.4.4.key-mismatch"


def test_11_value_of_another_length_than_the_key_gives_is_refused() -> None:
    assert refusal_of(_certificates(seal("p384").der()))[0] == "xmldsig.4.2.value-length"


# Steps 12 and 13: the value, then the digests.


def test_12_value_of_another_key_is_refused() -> None:
    other = shared_pki().seal("000.00.00.H41", "UBND tỉnh Mẫu", key="p256")
    assert refusal_of(_certificates(other.der())) == ("xmldsig.3.2.2.signature-invalid", SIGNATURE)


@pytest.mark.parametrize("key", ["rsa2048", "p256"])
@pytest.mark.parametrize("spliced", [False, True])
def test_12_changed_signed_info_is_refused(key: str, spliced: bool) -> None:
    octets = signed(by=seal(key))
    start = octets.index(b"<ds:DigestValue>") + len(b"<ds:DigestValue>")
    end = octets.index(b"</ds:DigestValue>")
    octets = octets[:start] + base64.b64encode(bytes(32)) + octets[end:]
    assert refusal_of(octets, spliced=spliced) == ("xmldsig.3.2.2.signature-invalid", SIGNATURE)


def test_12_comes_before_any_reference() -> None:
    """The signature is still in the tree when its value does not hold: nothing was canonicalised for a stranger."""
    presented = present(changed("000.00.00.G22", "000.00.00.G23", octets=_certificates_of_another()))
    with pytest.raises(DocumentRefused, match="SignatureValue"):
        presented.verify()
    assert presented.element.getparent() is not None


def _certificates_of_another() -> bytes:
    return _certificates(shared_pki().seal("000.00.00.H41", "UBND tỉnh Mẫu", key="p256").der())


@pytest.mark.parametrize("spliced", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("000.00.00.G22", "000.00.00.G23"),
        ("QUJDQUJD", "QUJDQUJE"),
        ("      <edXML:TraceHeaderList>", "     <edXML:TraceHeaderList>"),
        ("<edXML:TraceHeader/>", "<edXML:TraceHeader/><edXML:TraceHeader/>"),
        ("</edXML>", "<evil/></edXML>"),
        ("</edXML>\n", "</edXML>\n<?evil?>"),
    ],
    ids=["text", "attachment", "space", "trace", "element", "instruction"],
)
def test_13_changed_document_is_refused(old: str, new: str, spliced: bool) -> None:
    octets = changed(old, new, count=1)
    assert refusal_of(octets, spliced=spliced) == ("xmldsig.3.2.1.digest-mismatch", f"{REFERENCE}[1]")


def test_13_relative_namespace_has_no_canonical_form() -> None:
    octets = changed("<edXML:TraceHeader/>", '<x xmlns="a/b"/>')
    assert refusal_of(octets) == ("ours.signature.no-canonical-form", f"{REFERENCE}[1]")


def test_13_relative_namespace_in_signed_info_has_no_canonical_form() -> None:
    octets = changed("<ds:SignedInfo>", '<ds:SignedInfo xmlns:x="a/b">')
    assert refusal_of(octets) == ("ours.signature.no-canonical-form", f"{SIGNATURE}/SignedInfo")
