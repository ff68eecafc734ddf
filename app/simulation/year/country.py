"""The country of the played year, as it was on 1 January 2025: three provinces that became one in the summer.

Hòa Bình (H28), Vĩnh Phúc (H62) and Phú Thọ (H44), each with its bodies, two districts and a commune below each, and
the central bodies they write to. Codes below level one are made up.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Final

from app.simulation.country import SimulatedAgency, System
from app.simulation.year.calendar import NEW_ORDER

_CENTRAL: Final = (
    # code, name, branch, parent, notation
    ("G22", "Văn phòng Chính phủ", "state", None, "VPCP-KSTT"),
    ("G12", "Bộ Tài chính", "state", None, "BTC-NSNN"),
    ("G12.18", "Cục Thuế", "state", "G12", "CT-NVT"),
    ("G09", "Bộ Nội vụ", "state", None, "BNV-CQĐP"),
    ("A01", "Văn phòng Trung ương Đảng", "party", None, "VPTW"),
    ("C01", "Văn phòng Quốc hội", "assembly", None, "VPQH-TH"),
    ("D01", "Tòa án nhân dân tối cao", "court", None, "TANDTC-VP"),
    ("E01", "Viện kiểm sát nhân dân tối cao", "procuracy", None, "VKSTC-VP"),
    ("I01", "Ủy ban Trung ương Mặt trận Tổ quốc Việt Nam", "front", None, "MTTW-BTT"),
)
_PROVINCES: Final = (
    # number, name, districts with a commune each
    ("28", "Hòa Bình", (("Lạc Sơn", "Nhân Nghĩa"), ("Mai Châu", "Bao La"))),
    ("62", "Vĩnh Phúc", (("Lập Thạch", "Sơn Đông"), ("Yên Lạc", "Tam Hồng"))),
    ("44", "Phú Thọ", (("Thanh Ba", "Hoàng Cương"), ("Lâm Thao", "Phùng Nguyên"))),
)
CENTRAL_SYSTEM: Final = "Trung ương"

HEIRS: Final = {
    "H28": "H44",
    "H62": "H44",
    "K28": "K44",
    "K62": "K44",
    **{f"H{number}.{district}": "H44" for number in ("28", "62", "44") for district in (31, 32)},
    **{f"A{number}.{district}": f"A{number}" for number in ("28", "62", "44") for district in (31, 32)},
}
"""Who ended on 1 July 2025, and who answers for them since: one province of three, no districts."""


def _central() -> Iterator[SimulatedAgency]:
    for code, name, branch, parent, notation in _CENTRAL:
        yield SimulatedAgency(
            code, name, "central", branch, parent, listed=False, system=CENTRAL_SYSTEM, notation=notation, seat="Hà Nội"
        )


def _province(number: str, name: str, districts: tuple[tuple[str, str], ...]) -> Iterator[SimulatedAgency]:
    state, party = f"H{number}", f"A{number}"

    def one(code: str, title: str, tier: str, branch: str, parent: str | None, notation: str) -> SimulatedAgency:
        return SimulatedAgency(
            code, title, tier, branch, parent, listed=False, system=f"Tỉnh {name}", notation=notation, seat=name
        )

    yield one(state, f"Ủy ban nhân dân tỉnh {name}", "province", "state", None, "UBND-TH")
    yield one(f"{state}.03", f"Sở Nội vụ tỉnh {name}", "province", "state", state, "SNV-CCVC")
    yield one(f"{state}.07", f"Sở Tài chính tỉnh {name}", "province", "state", state, "STC-NS")
    yield one(f"K{number}", f"Hội đồng nhân dân tỉnh {name}", "province", "assembly", None, "HĐND")
    yield one(party, f"Tỉnh ủy {name}", "province", "party", "A01", "TU")
    yield one(f"I01.{number}", f"Ủy ban MTTQ Việt Nam tỉnh {name}", "province", "front", "I01", "MTTQ-BTT")
    yield one(f"D01.{number}", f"Tòa án nhân dân tỉnh {name}", "province", "court", "D01", "TA-VP")
    for index, (district, commune) in enumerate(districts, start=31):
        yield one(f"{state}.{index}", f"Ủy ban nhân dân huyện {district}", "district", "state", state, "UBND-VP")
        yield one(f"{party}.{index}", f"Huyện ủy {district}", "district", "party", party, "HU")
        over = f"{state}.{index}"
        yield one(f"{over}.02", f"Ủy ban nhân dân xã {commune}", "commune", "state", over, "UBND")
        yield one(f"{party}.{index}.02", f"Đảng ủy xã {commune}", "commune", "party", f"{party}.{index}", "ĐU")


AGENCIES: Final = (*_central(), *(agency for it in _PROVINCES for agency in _province(*it)))
"""Everybody who exchanges on 1 January 2025."""

SYSTEMS: Final = (
    System(CENTRAL_SYSTEM, tuple(f"{code}.*" if code == "G12" else code for code, *_ in _CENTRAL if code != "G12.18")),
    *(
        System(f"Tỉnh {name}", (f"H{number}.*", f"K{number}", f"A{number}.*", f"I01.{number}", f"D01.{number}"))
        for number, name, _ in _PROVINCES
    ),
)
"""Whose systems they use."""


def heir(code: str, on: date) -> str:
    """Return who answers for an agency on a day: itself, until it ended."""
    return HEIRS.get(code, code) if on >= NEW_ORDER else code


def import_file() -> bytes:
    """Write all of them as a CSV file, as `POST /v1/agencies/import` takes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("organ_id", "name", "tier", "branch", "parent", "aliases", "email"))
    for agency in AGENCIES:
        row = (agency.code, agency.name, agency.tier, agency.branch, agency.parent or "")
        writer.writerow((*row, agency.old_code, agency.email))
    return text.getvalue().encode("utf-8")
