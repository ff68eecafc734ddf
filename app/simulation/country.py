"""The simulated country: which agencies exchange, under which codes, and whose system speaks for them.

Level-one codes are the real ones where they are published (QĐ 20/2020/QĐ-TTg Phụ lục I, QĐ 09/2025/QĐ-TTg); the node
ships them and the operator loads them. The codes of the Party and of the National Assembly are not published one by
one, and those below level one are each body's own: they are made up here, well-formed. Districts ended on 1/7/2025;
the simulation keeps three of them working, so that there is traffic of all four tiers.
"""

import csv
import io
from dataclasses import dataclass
from typing import Final

CLOSED_WITH_SUCCESSOR: Final = "H28"
"""Hòa Bình, merged into Phú Thọ on 1/7/2025: what is addressed to it goes to H44."""
SUCCESSOR: Final = "H44"
CLOSED_WITHOUT_SUCCESSOR: Final = "G04"
"""A ministry that ended in 2025; no source says who took over its mail."""
UNREGISTERED: Final = "H41.99"
"""Nobody's code."""


@dataclass(frozen=True, slots=True)
class SimulatedAgency:
    """An agency that takes part.

    Attributes:
        code: in the form of QĐ 20/2020/QĐ-TTg; the registry's own code of it.
        tier: as the API writes it.
        branch: as the API writes it.
        parent: code of the agency above; None at the top.
        listed: whether the node ships its record, so that nobody needs to register it.
        system: name of the document-management system that acts for it.
        notation: what its documents are marked with behind their number.
        seat: địa danh on its documents.
    """

    code: str
    name: str
    tier: str
    branch: str
    parent: str | None
    listed: bool
    system: str
    notation: str
    seat: str

    @property
    def old_code(self) -> str:
        """Its code in the form of QCVN 102:2016, thirteen characters, registered as an alias."""
        groups = self.code.split(".")
        levels = [*groups[1:], "00", "00"][:2]
        return f"000.{levels[1]}.{levels[0]}.{groups[0]}"

    @property
    def email(self) -> str:
        """Made-up address in a domain nobody can own (RFC 2606)."""
        return f"vanthu.{self.code.lower().replace('.', '-')}@mophong.example"


@dataclass(frozen=True, slots=True)
class System:
    """A document-management system, a client of the node.

    Attributes:
        grants: codes and subtrees it acts for.
    """

    name: str
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Province:
    number: str
    name: str
    seat: str
    district: str
    commune: str
    mass: str
    mass_name: str


_PROVINCES: Final = (
    _Province("41", "Nghệ An", "Nghệ An", "Nam Đàn", "Kim Liên", "I02", "Liên đoàn Lao động"),
    _Province("44", "Phú Thọ", "Phú Thọ", "Thanh Ba", "Hy Cương", "I03", "Đoàn TNCS Hồ Chí Minh"),
    _Province("49", "Quảng Ninh", "Quảng Ninh", "Tiên Yên", "Đông Ngũ", "I04", "Hội Liên hiệp Phụ nữ"),
)

_CENTRAL: Final = (
    # code, name, branch, parent, shipped with the node, system, notation
    ("G22", "Văn phòng Chính phủ", "state", None, True, "Văn phòng Chính phủ", "VPCP-KSTT"),
    ("G12", "Bộ Tài chính", "state", None, True, "Bộ Tài chính", "BTC-NSNN"),
    ("G12.18", "Cục Thuế", "state", "G12", False, "Bộ Tài chính", "CT-NVT"),
    ("G09", "Bộ Nội vụ", "state", None, True, "Bộ Nội vụ", "BNV-CQĐP"),
    ("G06", "Bộ Khoa học và Công nghệ", "state", None, True, "Bộ Khoa học và Công nghệ", "BKHCN-CĐSQG"),
    ("A01", "Văn phòng Trung ương Đảng", "party", None, False, "Văn phòng Trung ương Đảng", "VPTW"),
    ("A02", "Ban Tổ chức Trung ương", "party", None, False, "Văn phòng Trung ương Đảng", "BTCTW"),
    ("C01", "Văn phòng Quốc hội", "assembly", None, False, "Văn phòng Quốc hội", "VPQH-TH"),
    ("D01", "Tòa án nhân dân tối cao", "court", None, True, "Khối tư pháp", "TANDTC-VP"),
    ("E01", "Viện kiểm sát nhân dân tối cao", "procuracy", None, True, "Khối tư pháp", "VKSTC-VP"),
    ("I01", "Ủy ban Trung ương Mặt trận Tổ quốc Việt Nam", "front", None, True, "Mặt trận và đoàn thể", "MTTW-BTT"),
    ("I02", "Tổng Liên đoàn Lao động Việt Nam", "mass_organisation", None, True, "Mặt trận và đoàn thể", "TLĐ"),
    ("I03", "Trung ương Đoàn TNCS Hồ Chí Minh", "mass_organisation", None, True, "Mặt trận và đoàn thể", "TWĐTN"),
    ("I04", "Trung ương Hội Liên hiệp Phụ nữ", "mass_organisation", None, True, "Mặt trận và đoàn thể", "ĐCT"),
    ("I05", "Trung ương Hội Cựu chiến binh", "mass_organisation", None, True, "Mặt trận và đoàn thể", "CCB"),
    ("I06", "Trung ương Hội Nông dân", "mass_organisation", None, True, "Mặt trận và đoàn thể", "HNDTW"),
)


def _central() -> tuple[SimulatedAgency, ...]:
    return tuple(
        SimulatedAgency(code, name, "central", branch, parent, listed, system, notation, "Hà Nội")
        for code, name, branch, parent, listed, system, notation in _CENTRAL
    )


def _of_province(it: _Province) -> tuple[SimulatedAgency, ...]:
    state, party, assembly, front, mass = f"H{it.number}", f"A{it.number}", f"K{it.number}", "I01", it.mass
    system = f"Tỉnh {it.name}"
    district, commune = f"huyện {it.district} (mô phỏng)", f"xã {it.commune} (mô phỏng)"

    def one(
        code: str, name: str, tier: str, branch: str, parent: str | None, notation: str, *, listed: bool = False
    ) -> SimulatedAgency:
        return SimulatedAgency(code, name, tier, branch, parent, listed, system, notation, it.seat)

    front_code, mass_code = f"{front}.{it.number}", f"{mass}.{it.number}"
    organisation = "mass_organisation"
    return (
        one(state, f"Ủy ban nhân dân tỉnh {it.name}", "province", "state", None, "UBND-TH", listed=True),
        one(f"{state}.03", f"Sở Nội vụ tỉnh {it.name}", "province", "state", state, "SNV-CCVC"),
        one(f"{state}.07", f"Sở Tài chính tỉnh {it.name}", "province", "state", state, "STC-NS"),
        one(assembly, f"Hội đồng nhân dân tỉnh {it.name}", "province", "assembly", None, "HĐND", listed=True),
        one(party, f"Tỉnh ủy {it.name}", "province", "party", "A01", "TU"),
        one(front_code, f"Ủy ban MTTQ Việt Nam tỉnh {it.name}", "province", "front", front, "MTTQ-BTT"),
        one(mass_code, f"{it.mass_name} tỉnh {it.name}", "province", organisation, mass, "BTV"),
        one(f"D01.{it.number}", f"Tòa án nhân dân tỉnh {it.name}", "province", "court", "D01", "TA-VP"),
        one(f"{state}.31", f"Ủy ban nhân dân {district}", "district", "state", state, "UBND-VP"),
        one(f"{party}.31", f"Huyện ủy {it.district} (mô phỏng)", "district", "party", party, "HU"),
        one(f"{front_code}.31", f"Ủy ban MTTQ {district}", "district", "front", front_code, "MTTQ"),
        one(f"{mass_code}.31", f"{it.mass_name} {district}", "district", organisation, mass_code, "BTV"),
        one(f"{state}.61", f"Ủy ban nhân dân {commune}", "commune", "state", state, "UBND"),
        one(f"{state}.31.02", f"Ủy ban nhân dân {commune} cũ", "commune", "state", f"{state}.31", "UBND"),
        one(f"{assembly}.61", f"Hội đồng nhân dân {commune}", "commune", "assembly", assembly, "HĐND"),
        one(f"{party}.61", f"Đảng ủy {commune}", "commune", "party", party, "ĐU"),
        one(f"{front_code}.61", f"Ủy ban MTTQ {commune}", "commune", "front", front_code, "MTTQ"),
        one(f"{mass_code}.61", f"{it.mass_name} {commune}", "commune", organisation, mass_code, "BTV"),
    )


def _systems_of_provinces() -> tuple[System, ...]:
    return tuple(
        System(
            f"Tỉnh {it.name}",
            (
                *(f"{block}{it.number}.*" for block in "HKA"),
                f"I01.{it.number}.*",
                f"{it.mass}.{it.number}.*",
                f"D01.{it.number}",
            ),
        )
        for it in _PROVINCES
    )


AGENCIES: Final = (*_central(), *(agency for province in _PROVINCES for agency in _of_province(province)))
"""Everybody who exchanges."""

SYSTEMS: Final = (
    System("Văn phòng Chính phủ", ("G22",)),
    System("Bộ Tài chính", ("G12.*",)),
    System("Bộ Nội vụ", ("G09",)),
    System("Bộ Khoa học và Công nghệ", ("G06",)),
    System("Văn phòng Trung ương Đảng", ("A01", "A02")),
    System("Văn phòng Quốc hội", ("C01",)),
    System("Khối tư pháp", ("D01", "E01")),
    System("Mặt trận và đoàn thể", ("I01", "I02", "I03", "I04", "I05", "I06")),
    *_systems_of_provinces(),
)
"""Whose systems they use: each ministry its own, each province one for all its bodies."""

SUSPENDED: Final = SimulatedAgency(
    "H49.88",
    "Đơn vị tạm dừng (mô phỏng)",
    "province",
    "state",
    "H49",
    listed=False,
    system="Tỉnh Quảng Ninh",
    notation="TD",
    seat="Quảng Ninh",
)
"""Registered, then suspended: it takes no part."""


def import_file() -> bytes:
    """Write those agencies that the node does not ship as a CSV file, as `POST /v1/agencies/import` takes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("organ_id", "name", "tier", "branch", "parent", "aliases", "email"))
    for agency in (*AGENCIES, SUSPENDED):
        if not agency.listed:
            row = (agency.code, agency.name, agency.tier, agency.branch, agency.parent or "", agency.old_code)
            writer.writerow((*row, agency.email))
    return text.getvalue().encode("utf-8")
