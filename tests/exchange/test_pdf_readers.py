"""Processes that look into PDFs: what hangs is killed for real, and the next file does not suffer for it."""

import asyncio
from pathlib import Path

import pytest

from app.exchange.pdf_readers import PdfNotRead, PdfReaders
from app.signing.pdf_found import PdfLimits
from tests.support.pdf import endless_pdf, plain_pdf


def test_a_file_that_never_ends_costs_its_own_process_and_nobody_elses(tmp_path: Path) -> None:
    honest, endless = tmp_path / "honest.pdf", tmp_path / "endless.pdf"
    honest.write_bytes(plain_pdf())
    endless.write_bytes(endless_pdf())

    async def work() -> None:
        # A process that is still to start has more patience; one at work has none to spare.
        readers = PdfReaders(1, 0.5)
        try:
            assert (await readers.examine(honest, limits=PdfLimits())).revisions == 1
            with pytest.raises(PdfNotRead, match="TimeoutError"):
                await readers.examine(endless, limits=PdfLimits())
            assert (await readers.examine(honest, limits=PdfLimits())).revisions == 1
            with pytest.raises(PdfNotRead):
                await readers.examine(tmp_path / "gone.pdf", limits=PdfLimits())
        finally:
            await readers.close()

    asyncio.run(work())
