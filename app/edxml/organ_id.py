"""The identifier code of an agency (mã định danh), in every form that is in use.

A code is a name, not a formula: the old and the new form of one agency are aliases that the registry records; neither
is ever computed from the other, and upper and lower case are kept as they came.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from typing_extensions import override

from app.errors import RequestInvalid
from app.findings import Finding, Severity

LENGTH_MAX = 35
"""Longest code (QĐ 20/2020/QĐ-TTg Đ4; Sửa đổi 1:2022 QCVN 102:2016)."""
_SHORTENED = 60

_QCVN = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}", re.ASCII)
_HIERARCHICAL = re.compile(r"[A-Y][0-9]{2}(?:\.[0-9A-Z]+)*", re.ASCII)
_ENTERPRISE = re.compile(r"[0-9]{10}(?:-?[0-9]{3})?|[0-9]{12}", re.ASCII)
"""Ten digits; thirteen for a branch; twelve where a business household has its owner's number (ours: no text says)."""
_SCHEME = re.compile(r"Z(?:0[1-9]|[1-9][0-9])[0-9A-Za-z][0-9A-Za-z._-]{0,31}", re.ASCII)
"""No separator behind `Zxy`; the form of the rest is the scheme's."""
_ACCEPTED = re.compile(r"[0-9A-Za-z]+(?:[._-][0-9A-Za-z]+)*", re.ASCII)


class OrganIdForm(StrEnum):
    """Which rule a code follows."""

    QCVN = "qcvn"
    """Thirteen characters, most special group first: `000.00.00.H41` (QCVN 102:2016/BTTTT)."""
    HIERARCHICAL = "hierarchical"
    """Groups from the first level on: `H41.12.3` (QĐ 20/2020/QĐ-TTg Đ4)."""
    ENTERPRISE = "enterprise"
    """Registration number of an enterprise, cooperative or business household (QĐ 20/2020/QĐ-TTg Đ5)."""
    SCHEME = "scheme"
    """Code of another scheme behind its `Zxy` (QĐ 20/2020/QĐ-TTg Đ6)."""
    NONCONFORMING = "nonconforming"
    """None of the above, yet seen in real traffic: `28.22.H17`, `vxp.saas.03`."""


@dataclass(frozen=True, slots=True, order=True)
class OrganId:
    """The code of one agency, exactly as written. Make one with `parse`.

    Attributes:
        text: the code.
        form: which rule it follows.
    """

    text: str
    form: OrganIdForm = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a code in any form, those of real traffic that follow no rule included.

        Raises:
            RequestInvalid: empty, longer than 35 characters, or with characters no code has. Carries one finding.
        """
        if not text:
            raise _refused("empty", "The agency code is empty.", "Give the code of the agency.")
        if len(text) > LENGTH_MAX:
            raise _refused(
                "too-long",
                f"The agency code {_short(text)} has {len(text)} characters.",
                f"Use the registered code; it has at most {LENGTH_MAX} characters.",
            )
        if not _ACCEPTED.fullmatch(text):
            raise _refused(
                "malformed",
                f"The agency code {_short(text)} has characters that no agency code has.",
                "Use letters, digits and single dots between groups, without blanks.",
            )
        return cls(text, _form_of(text))

    @property
    def conforms(self) -> bool:
        """Whether the code follows one of the regulations."""
        return self.form is not OrganIdForm.NONCONFORMING

    @property
    def level_one(self) -> str | None:
        """Code of the ministry, province or body at the top, such as `H41`; None where the form does not say it.

        Level-one codes are the same in both forms (QĐ 20/2020/QĐ-TTg Phụ lục I).
        """
        if self.form is OrganIdForm.QCVN:
            return self.text.rpartition(".")[2]
        if self.form is OrganIdForm.HIERARCHICAL:
            return self.text.partition(".")[0]
        return None

    @override
    def __str__(self) -> str:
        return self.text


def _form_of(text: str) -> OrganIdForm:
    for form, pattern in (
        (OrganIdForm.QCVN, _QCVN),
        (OrganIdForm.HIERARCHICAL, _HIERARCHICAL),
        (OrganIdForm.ENTERPRISE, _ENTERPRISE),
        (OrganIdForm.SCHEME, _SCHEME),
    ):
        if pattern.fullmatch(text):
            return form
    return OrganIdForm.NONCONFORMING


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHORTENED else text[:_SHORTENED] + "…")


def _refused(defect: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(
        code=f"qd20.4.organ-id-{defect}",
        severity=Severity.ERROR,
        message=message,
        fix=fix,
        source="QĐ 20/2020/QĐ-TTg Đ4-6; Sửa đổi 1:2022 QCVN 102:2016/BTTTT",
    )
    return RequestInvalid(message, findings=[finding])
