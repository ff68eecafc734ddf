"""`truc verify`: an evidence bundle, checked without a node and without a network."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.terminal import Json, print_json, read_file
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.ledger.bundle.steps import Result, StepResult

Language = Literal["vi", "en"]


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What GET /v1/documents/{id}/evidence gave.")],
    key: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            help="The node's public keys: its /.well-known/jwks.json, or a verifier key of its log alone; "
            "may be repeated.",
        ),
    ],
    anchors: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Root certificates of signers and time stamps; may be repeated."),
    ] = None,
    crl: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Revocation list beside those in the bundle; may be repeated."),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(metavar="VKEY", help="Verifier key of a witness that must have cosigned; may be repeated."),
    ] = None,
    lang: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    as_json: Json = False,
) -> None:
    """Say what an evidence bundle proves and what it does not, offline, in Vietnamese or English, or as JSON.

    Ends with 0 when everything that has to be proven is, with 1 when something is false or not proven.
    """
    from app.ledger.bundle.check import check
    from app.ledger.bundle.trust import Trust

    if lang not in ("vi", "en"):
        raise typer.BadParameter("use vi or en", param_hint="--lang")
    trust = Trust.read(
        [read_file(path) for path in key],
        anchors=[read_file(path) for path in anchors or ()],
        lists=[read_file(path) for path in crl or ()],
        witnesses=witness or (),
    )
    try:
        with bundle.open("rb") as file:
            result = check(file, trust=trust, now=datetime.now(UTC))
    except OSError as error:
        raise RequestInvalid(f"{bundle}: {error.strerror}") from error
    language: Language = "vi" if lang == "vi" else "en"
    if as_json:
        print_json(shown(result, language))
    else:
        print("\n".join(lines(result, language)))
    if not result.holds:
        raise typer.Exit(1)


def shown(result: "Result", language: Language) -> dict[str, Any]:
    """Return a result as JSON values; times in UTC."""
    from app.ledger.bundle.words import STEPS, sentence

    return {
        "verdict": verdict(result),
        "holds": result.holds,
        "subject": dict(result.subject),
        "steps": [
            {
                "number": each.step.value,
                "step": each.step.name.lower(),
                "about": STEPS[each.step].said(language),
                "outcome": each.outcome.value,
                "statements": [
                    {
                        "code": one.code,
                        "outcome": one.outcome.value,
                        "weight": one.weight.value,
                        "values": dict(one.values),
                        "text": sentence(one, language),
                    }
                    for one in each.statements
                ],
            }
            for each in result.steps
        ],
        "deliveries": [dict(each) for each in result.deliveries],
        "conclusion": list(conclusion(result, language)),
    }


def verdict(result: "Result") -> str:
    """Say in one word how it ended."""
    return "holds" if result.holds else "contradicted" if result.contradicted else "not-proven"


def lines(result: "Result", language: Language) -> Iterator[str]:
    """Write a result for people; times of deliveries are Vietnamese."""
    from app.ledger.bundle.words import OUTCOMES, STEPS, sentence

    for each in result.steps:
        yield f"({each.step.value}) {STEPS[each.step].said(language)}: {OUTCOMES[each.outcome].said(language)}"
        for one in each.statements:
            yield f"    {_mark(one.outcome.value)} {sentence(one, language, local=True)}"
        if each.step.name == "DELIVERIES":
            yield from _table(result, language)
    yield ""
    yield from conclusion(result, language)


def _mark(outcome: str) -> str:
    return {"proven": "+", "not-proven": "?", "contradicted": "!"}[outcome]


def _table(result: "Result", language: Language) -> Iterator[str]:
    from app.ledger.bundle.steps import printable
    from app.ledger.bundle.words import HAPPENED, STATES, vietnamese

    for leg in result.deliveries:
        state = STATES.get(str(leg["state"]))
        said = state.said(language) if state is not None else printable(leg["state"], 40)
        yield f"    → {printable(leg['recipient'], 40)} ({printable(leg['delivery'], 40)}): {said}"
        for event in leg["events"]:
            when = vietnamese(printable(event["at"], 40))
            what = HAPPENED[event["kind"]].said(language, {"status": printable(event["status"], 10)})
            by = f"{printable(event['agency'], 40)}, {printable(event['actor'], 40)}"
            yield f"        {when}  {what}  ({by}; #{event['index']})"


def conclusion(result: "Result", language: Language) -> Iterator[str]:
    """Say in plain words what the bundle proves, to whom, and as of when."""
    from app.ledger.bundle.steps import printable
    from app.ledger.bundle.words import VERDICTS, vietnamese

    subject = {name: vietnamese(printable(value)) for name, value in result.subject.items()}
    if not result.holds:
        found = "contradicted" if result.contradicted else "open"
        numbers = ", ".join(str(each.step.value) for each in result.steps if _spoiled(each, found))
        yield VERDICTS[found].said(language, {"steps": numbers})
        return
    yield VERDICTS["holds"].said(language, subject)
    if result.subject["content"] == "included":
        signers = "; ".join(printable(each["subject"]) for each in result.subject["signers"])
        yield VERDICTS["signed"].said(language, {"signers": signers})
    if result.subject["log_seen_at"] is not None:
        yield VERDICTS["as-of"].said(language, {"size": subject["log_size"], "at": subject["log_seen_at"]})
    else:
        yield VERDICTS["as-of-claimed"].said(language, {"size": subject["log_size"], "at": subject["made_at"]})


def _spoiled(each: "StepResult", found: str) -> bool:
    if found == "contradicted":
        return any(one.outcome.value == "contradicted" for one in each.statements)
    return any(one.spoils for one in each.statements)
