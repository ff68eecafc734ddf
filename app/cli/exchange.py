"""`truc send`, `inbox`, `fetch`, `evidence`, `ack`, `status`: an agency's client, for scripts.

The secret never stands on a command line, where every user of the machine could read it: it comes from the
environment, from a file, or is asked for.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.cli.keys import CertificateFile, ChainFile, KeyFile, PasswordFile, load_signer
from app.cli.terminal import Json, member, note, print_fields, print_json, print_table, read_file, write_file
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.client import Answer, NodeClient
    from app.edxml.model import ResponseFor, StatusMessage

T = TypeVar("T")

Url = Annotated[str | None, typer.Option("--url", envvar="TRUC_CLIENT_URL", help="Address of the node.")]
ClientId = Annotated[str | None, typer.Option("--client-id", envvar="TRUC_CLIENT_ID", help="Of the system.")]
SecretFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Holds the secret; else TRUC_CLIENT_SECRET, else it is asked for.")
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option("--credentials", metavar="FILE", help="JSON with client_id, client_secret and perhaps url."),
]
Agency = Annotated[str | None, typer.Option("--agency", metavar="CODE", help="Agency code, either form.")]

_URL = "http://127.0.0.1:8080"


def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Signed document message; - reads standard input.")],
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key again gets the first answer.")] = None,
    as_json: Json = False,
) -> None:
    """Send a signed document; done when this says so, refused with findings otherwise."""
    document = read_file(file)
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    access = _access(url, client_id, secret_file, credentials)
    accepted = _accepted(_call(access, lambda node: node.send(document, **headers)))
    if as_json:
        print_json(accepted)
        return
    print_fields({name: accepted[name] for name in ("id", "document_id", "sender", "kind", "sha256", "accepted_at")})
    print_table(
        ("delivery", "recipient", "state"), ((d["id"], d["recipient"], d["state"]) for d in accepted["deliveries"])
    )


def inbox(
    agency: Agency = None,
    kind: Annotated[str | None, typer.Option(help="document, status or notice; all if left out.")] = None,
    order: Annotated[str, typer.Option(help="age or urgency.")] = "age",
    wait: Annotated[int, typer.Option(min=0, max=60, help="Seconds to wait for mail while there is none.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
    as_json: Json = False,
) -> None:
    """List what waits to be taken over; listing changes nothing."""
    asked: dict[str, str | int] = {"order": order, "limit": limit}
    asked |= {name: value for name, value in (("agency", agency), ("kind", kind)) if value is not None}
    access = _access(url, client_id, secret_file, credentials)
    page = _accepted(_call(access, lambda node: node.inbox(wait_seconds=wait, **asked)))
    if as_json:
        print_json(page)
        return
    for entry in page["items"]:
        print_fields(_inbox_fields(entry))
        print()
    if not page["items"]:
        note("nothing waits")
    if page["next_cursor"]:
        note("there is more; take these over first, or raise --limit")


def fetch(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of the document, as inbox and send show it.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else standard output.")] = None,
    attachment: Annotated[int | None, typer.Option(min=1, help="Fetch this attachment instead, from 1.")] = None,
    status_report: Annotated[bool, typer.Option("--status", help="ID is that of a status report.")] = False,
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
) -> None:
    """Fetch exactly the bytes that were sent, or one attachment decoded; the digest is checked."""
    if status_report and attachment is not None:
        raise typer.BadParameter("status reports have no attachments", param_hint="--attachment")
    place = f"/v1/statuses/{id_}/content" if status_report else f"/v1/documents/{id_}/content"
    if attachment is not None:
        place = f"/v1/documents/{id_}/attachments/{attachment}"
    answer = _call(_access(url, client_id, secret_file, credentials), lambda node: node.get(place))
    _accepted(answer)
    _check_digest(answer)
    write_file(output, answer.body)


def evidence(
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document, as inbox and send show it.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes; - is standard output.")
    ],
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
) -> None:
    """Fetch all that proves the life of a document, as one file that `truc verify` checks without the node.

    For its sender and its recipients, with the content; for auditors, without.
    """
    access = _access(url, client_id, secret_file, credentials)
    if str(output) == "-":
        _accepted(_call(access, lambda node: node.evidence(document, sys.stdout.buffer.write)))
        sys.stdout.buffer.flush()
        return
    # Under another name until it is whole: half a bundle must not pass for one.
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            answer = _call(access, lambda node: node.evidence(document, file.write))
        if answer.ok:
            part.replace(output)
    except OSError as error:
        raise RequestInvalid(f"{output}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    _accepted(answer)


def ack(
    deliveries: Annotated[list[str], typer.Argument(metavar="DELIVERY…", help="Delivery ids, as inbox shows them.")],
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
    as_json: Json = False,
) -> None:
    """Take deliveries over: they leave the inbox, the sender sees `delivered`; 1 if one was not found."""
    access = _access(url, client_id, secret_file, credentials)
    items = _accepted(_call(access, lambda node: node.acknowledge(deliveries)))["items"]
    if as_json:
        print_json({"items": items})
    else:
        print_table(("delivery", "outcome"), ((entry["delivery_id"], entry["outcome"]) for entry in items))
    if any(entry["outcome"] == "not-found" for entry in items):
        raise typer.Exit(1)


def status(
    code: Annotated[str, typer.Argument(metavar="CODE", help="01 02 03 04 05 06 13 15 16.")],
    agency: Annotated[str, typer.Option("--agency", metavar="CODE", help="Who reports.")],
    key: KeyFile,
    cert: CertificateFile,
    about: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The document's own edXML, as it was sent or fetched.")
    ] = None,
    document_id: Annotated[str | None, typer.Option(help="Instead of --about: its DocumentId.")] = None,
    document_code: Annotated[str | None, typer.Option(help="Instead of --about: số/ký hiệu.")] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="CODE", help="Its sender; for 13, the recipient that is asked.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the agency that reports.")] = None,
    description: Annotated[str | None, typer.Option(help="In words; the reason for 02, 13 and 16.")] = None,
    chain: ChainFile = None,
    key_password_file: PasswordFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the signed message here instead of sending it.")
    ] = None,
    url: Url = None,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    credentials: CredentialsFile = None,
    as_json: Json = False,
) -> None:
    """Make, sign and send a status message on a document."""
    from app.edxml.model import Organization, StatusCode, StatusMessage
    from app.edxml.organ_id import OrganId

    message = StatusMessage(
        sender=Organization(OrganId.parse(agency), name=name),
        response_for=_response_for(about, document_id, document_code, owner),
        status=member(StatusCode, code, "CODE"),
        description=description,
        reported_at=datetime.now(UTC).replace(microsecond=0),
    )
    signed = _signed(message, key, cert, chain, key_password_file)
    if output is not None:
        write_file(output, signed)
        return
    access = _access(url, client_id, secret_file, credentials)
    accepted = _accepted(_call(access, lambda node: node.report(signed)))
    shown = ("id", "document", "recipient", "status_code", "state", "accepted_at")
    print_json(accepted) if as_json else print_fields({each: accepted[each] for each in shown})


def _signed(message: "StatusMessage", key: Path, cert: Path, chain: Path | None, password: Path | None) -> bytes:
    from app.edxml.write import write
    from app.signing import xmldsig

    signer = load_signer(key, cert, chain, password)
    return xmldsig.sign(write(message), key=signer.key, certificate=signer.certificate, chain=signer.chain)


def _response_for(about: Path | None, document_id: str | None, code: str | None, owner: str | None) -> "ResponseFor":
    from app.edxml.model import DocumentMessage, ResponseFor
    from app.edxml.organ_id import OrganId
    from app.edxml.read import read
    from app.markup import parse

    if about is None:
        if not (document_id and code and owner):
            raise typer.BadParameter("give --about FILE, or --document-id, --document-code and --owner")
        return ResponseFor(OrganId.parse(owner), code, None, document_id)
    reading = read(parse(read_file(about)))
    document = reading.message
    if not isinstance(document, DocumentMessage):
        raise RequestInvalid(f"{about} is no document message that can be read", findings=reading.findings)
    party = OrganId.parse(owner) if owner else document.sender.organ_id
    return ResponseFor(party, code or document.code.text, document.promulgated_on, document_id or document.document_id)


def _access(
    url: str | None, client_id: str | None, secret_file: Path | None, credentials: Path | None
) -> "Callable[[], NodeClient]":
    """Settle where the node is and who signs in; what is given by itself wins over the file of credentials."""
    from app.client import NodeClient

    known = _credentials(credentials) if credentials is not None else {}
    address = url or str(known.get("url") or _URL)
    identity = client_id or known.get("client_id")
    if not identity:
        raise typer.BadParameter("give --client-id, TRUC_CLIENT_ID or --credentials", param_hint="--client-id")
    secret = _secret(secret_file) or known.get("client_secret")
    if not secret:
        if not sys.stdin.isatty():
            raise typer.BadParameter("give TRUC_CLIENT_SECRET, --secret-file or --credentials", param_hint="the secret")
        secret = typer.prompt(f"Secret of {identity}", hide_input=True, err=True)
    return lambda: NodeClient(address, str(identity), str(secret))


def _secret(file: Path | None) -> str | None:
    if file is not None:
        return read_file(file).decode("utf-8", "replace").strip()
    return os.environ.get("TRUC_CLIENT_SECRET")


def _credentials(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(read_file(file))
    except ValueError as error:
        raise RequestInvalid(f"{file} is no JSON") from error
    if not isinstance(known, dict):
        raise RequestInvalid(f"{file} is no JSON object")
    return known


def _call(access: "Callable[[], NodeClient]", ask: "Callable[[NodeClient], Awaitable[Answer]]") -> "Answer":
    async def run() -> "Answer":
        async with access() as node:
            return await ask(node)

    return asyncio.run(run())


def _accepted(answer: "Answer") -> Any:
    """Return the document of an answer; a refusal is told and ends the command."""
    if answer.ok:
        return answer.document
    note(f"truc: {answer.explanation}")
    findings = answer.document.get("findings") if isinstance(answer.document, dict) else None
    for finding in findings or ():
        place = f" at {finding['location']}" if finding.get("location") else ""
        note(f"  {finding['severity']} {finding['code']}{place}: {finding['message']} [{finding.get('source')}]")
    raise typer.Exit(1)


def _check_digest(answer: "Answer") -> None:
    import base64

    declared = answer.headers.get("content-digest", "")
    if declared.startswith("sha-256=:"):
        wanted = base64.b64decode(declared.removeprefix("sha-256=:").rstrip(":"))
        if hashlib.sha256(answer.body).digest() != wanted:
            raise RequestInvalid("the body differs from its Content-Digest; it was damaged on the way, fetch it again")


def _inbox_fields(entry: dict[str, Any]) -> dict[str, object]:
    document, report = entry["document"], entry["status"]
    fields = {"delivery": entry["delivery_id"], "recipient": entry["recipient"]}
    if (told := entry["notice"]) is not None:
        delivery = told["delivery"]
        fields |= {"notice": told["kind"], "document": document["id"], "about": document["document_id"]}
        return fields | ({"to": delivery["recipient"], "state": delivery["state"]} if delivery else {})
    if report is None:
        fields |= {"document": document["id"], "from": document["sender"], "code": document["code"]}
        return fields | {"subject": document["subject"], "priority": document["priority"], "size": document["size"]}
    fields |= {"status report": report["id"], "from": report["reporter"], "status": report["status_code"]}
    return fields | {"about": document["document_id"], "description": report["description"]}
