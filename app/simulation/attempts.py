"""What must not get through: one attempt per defect, with the answer the node has to give."""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.client import Answer, NodeClient
from app.edxml.model import ResponseFor, StatusCode
from app.edxml.write import write
from app.simulation.country import CLOSED_WITHOUT_SUCCESSOR, SUSPENDED, UNREGISTERED, SimulatedAgency
from app.simulation.office import Office, Sent
from app.simulation.papers import Draft, report, response_for
from app.simulation.pki import Credential
from app.simulation.tally import UNKNOWN

_SHA1_METHOD: Final = b"http://www.w3.org/2000/09/xmldsig#rsa-sha1"
_UNCOUNTED: Final = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that is to be refused.

    Attributes:
        title: what is wrong.
        make: tries it.
        status: HTTP status of the answer.
        problem: slug of its problem type.
        finding: code that must be among the findings; empty where the problem says it all.
        counted_for: agency whose figures count the refusal; UNKNOWN where the node cannot know the sender, None where
            it is no refusal of a message.
    """

    title: str
    make: Callable[[], Awaitable[Answer]]
    status: int
    problem: str
    finding: str
    counted_for: str | None

    def as_expected(self, answer: Answer) -> bool:
        """Whether the node answered as it has to."""
        return (
            answer.status == self.status
            and answer.problem == self.problem
            and (not self.finding or self.finding in answer.codes)
        )


@dataclass(frozen=True, slots=True)
class Outsiders:
    """Certificates nothing may be signed with.

    Attributes:
        expired: of the sender, registered, out of its period.
        revoked: of the sender, revoked at the node.
        listed: of the sender, named in its issuer's revocation list.
        lookalike: of the sender's name, from a root nobody trusts.
    """

    expired: Credential
    revoked: Credential
    listed: Credential
    lookalike: Credential


@dataclass(frozen=True, slots=True)
class Scene:
    """Who takes part in the attempts.

    Attributes:
        sender: an office that sends.
        other: an office of another system.
        uninvolved: an office that received nothing of `sent`.
        sent: a document of the sender that was accepted, and taken over by its recipient.
        recipient: the office that received it.
        auditor: a client that may read trails only.
    """

    sender: Office
    other: Office
    uninvolved: Office
    sent: Sent
    recipient: Office
    auditor: NodeClient
    outsiders: Outsiders


def attempts(scene: Scene) -> Iterator[Attempt]:
    """List what is tried, in this order."""
    yield from _signatures(scene)
    yield from _contents(scene)
    yield from _routing(scene)
    yield from _repeats(scene)
    yield from _statuses(scene)


def _signatures(scene: Scene) -> Iterator[Attempt]:
    own = scene.sender.code

    def signed_with(title: str, credential: Credential, finding: str) -> Attempt:
        return _refused(title, lambda: _send(scene, _signed(scene, credential)), finding, own)

    yield _refused(
        "content changed after signing",
        lambda: _send(scene, _changed(_signed(scene), "Như trên".encode(), "Như dưới".encode())),
        "xmldsig.3.2.1.digest-mismatch",
        own,
    )
    yield _refused(
        "signature value changed",
        lambda: _send(scene, _flipped(_signed(scene))),
        "xmldsig.3.2.2.signature-invalid",
        own,
    )
    yield signed_with("signed with another agency's seal", scene.other.seal, "ours.signature.signer-not-sender")
    yield signed_with("signed with an expired certificate", scene.outsiders.expired, "rfc5280.4.1.2.5.expired")
    yield signed_with("signed with a certificate revoked here", scene.outsiders.revoked, "rfc5280.6.3.revoked")
    yield signed_with("signed with one on its issuer's CRL", scene.outsiders.listed, "rfc5280.6.3.revoked")
    yield signed_with("signed under a root nobody trusts", scene.outsiders.lookalike, "ours.trust.not-registered")
    yield _refused(
        "not signed",
        lambda: _send(scene, write(scene.sender.compose(_draft(scene), _rng()))),
        "ours.signature.missing",
        own,
    )
    yield _refused(
        "signed with SHA-1",
        lambda: _send(scene, _weakened(_signed(scene))),
        "ours.signature.sha1",
        own,
    )


def _contents(scene: Scene) -> Iterator[Attempt]:
    for mark, where in ((" (TỐI MẬT)", "subject"), (" - TUYỆT MẬT", "subject, unbracketed")):
        yield Attempt(
            f"marked as a state secret ({where})",
            lambda mark=mark: _send(scene, _signed(scene, mark=mark)),  # type: ignore[misc]
            422,
            "secret-document",
            "qd28.1.2.secret-mark",
            scene.sender.code,
        )
    yield Attempt("not well-formed", lambda: _send(scene, _signed(scene)[:-9]), 400, "malformed-xml", "", UNKNOWN)
    yield _refused(
        "document type definition",
        lambda: _send(scene, _changed(_signed(scene), b"?>", b'?><!DOCTYPE edXML [<!ENTITY a "a">]>')),
        "",
        UNKNOWN,
    )
    yield Attempt(
        "not declared as XML",
        lambda: scene.sender.client.call(
            "POST", "/v1/documents", content=_signed(scene), headers={"Content-Type": "text/plain"}
        ),
        415,
        "unsupported-media-type",
        "",
        UNKNOWN,
    )


def _routing(scene: Scene) -> Iterator[Attempt]:
    own = scene.sender.code

    def addressed_to(title: str, code: str, finding: str) -> Attempt:
        nobody = replace(scene.sender.agency, code=code, name="Đơn vị không nhận được")
        return _refused(title, lambda: _send(scene, _signed(scene, addressee=(nobody, code))), finding, own)

    yield addressed_to("addressed to an unknown agency", UNREGISTERED, "ours.route.recipient-unknown")
    yield addressed_to("addressed to a closed agency", CLOSED_WITHOUT_SUCCESSOR, "ours.route.recipient-closed")
    yield addressed_to("addressed to a suspended agency", SUSPENDED.code, "ours.route.recipient-suspended")
    yield Attempt(
        "sent by a system that does not act for the sender",
        lambda: scene.other.client.send(_signed(scene)),
        403,
        "agency-not-granted",
        "",
        UNKNOWN,
    )


def _repeats(scene: Scene) -> Iterator[Attempt]:
    taken = scene.sent.message.document_id
    yield Attempt(
        "DocumentId used again for other content",
        lambda: _send(scene, _signed(scene, document_id=taken)),
        409,
        "document-id-taken",
        "",
        scene.sender.code,
    )
    yield Attempt(
        "document read by a stranger",
        lambda: scene.other.client.get(f"/v1/documents/{scene.sent.answer.document['id']}"),
        404,
        "not-found",
        "",
        _UNCOUNTED,
    )
    yield Attempt(
        "content read by an auditor",
        lambda: scene.auditor.get(f"/v1/documents/{scene.sent.answer.document['id']}/content"),
        403,
        "scope-missing",
        "",
        _UNCOUNTED,
    )


def _statuses(scene: Scene) -> Iterator[Attempt]:
    def reported(
        title: str,
        office: Office,
        status: StatusCode,
        *,
        http: int,
        problem: str,
        finding: str,
        reason: str | None = None,
    ) -> Attempt:
        return Attempt(
            title, lambda: _report(office, scene, status, reason=reason), http, problem, finding, office.code
        )

    yield reported(
        "status of an agency that is no recipient",
        scene.uninvolved,
        StatusCode.RECEIVED,
        http=422,
        problem="document-refused",
        finding="ours.status.no-such-delivery",
    )
    yield reported(
        "refusal without a reason",
        scene.recipient,
        StatusCode.REFUSED,
        http=422,
        problem="document-refused",
        finding="qd28.5.4.reason-missing",
        reason="",
    )
    yield reported(
        "consent to a withdrawal nobody asked for",
        scene.recipient,
        StatusCode.CHANGE_ACCEPTED,
        http=409,
        problem="transition-not-allowed",
        finding="ours.status.transition",
    )


def _refused(title: str, make: Callable[[], Awaitable[Answer]], finding: str, counted_for: str) -> Attempt:
    return Attempt(title, make, 422, "document-refused", finding, counted_for)


async def _send(scene: Scene, octets: bytes) -> Answer:
    return await scene.sender.client.send(octets)


async def _report(office: Office, scene: Scene, status: StatusCode, *, reason: str | None) -> Answer:
    about: ResponseFor = response_for(scene.sent.message)
    message = report(
        office.agency,
        office.habits.code_of(office.agency),
        about,
        status,
        at=office.stage.now(),
        rng=_rng(),
        reason=reason,
    )
    return await office.client.report(office.sign(message if reason is None else replace(message, description=None)))


def _signed(
    scene: Scene,
    credential: Credential | None = None,
    *,
    addressee: tuple[SimulatedAgency, str] | None = None,
    document_id: str | None = None,
    mark: str = "",
) -> bytes:
    draft = _draft(scene, mark=mark)
    message = scene.sender.compose(replace(draft, addressees=(addressee,)) if addressee else draft, _rng())
    return scene.sender.sign(replace(message, document_id=document_id) if document_id else message, credential)


def _draft(scene: Scene, *, mark: str = "") -> Draft:
    recipient = scene.recipient.agency
    return Draft(scene.sender.agency, ((recipient, scene.sender.habits.code_of(recipient)),), sizes=(2048,), mark=mark)


def _rng() -> random.Random:
    # What these documents say does not matter; only what is wrong with them does.
    return random.Random(0)


def _changed(octets: bytes, before: bytes, after: bytes) -> bytes:
    changed = octets.replace(before, after, 1)
    assert changed != octets, f"{before!r} does not occur"
    return changed


def _flipped(octets: bytes) -> bytes:
    head, tag, rest = octets.partition(b"SignatureValue>")
    other = b"B" if rest[8:9] == b"A" else b"A"
    return head + tag + rest[:8] + other + rest[9:]


def _weakened(octets: bytes) -> bytes:
    head, tag, rest = octets.partition(b'SignatureMethod Algorithm="')
    _, quote, tail = rest.partition(b'"')
    return head + tag + _SHA1_METHOD + quote + tail
