"""A document of 100 MB costs a few MB of memory and little more time than hashing it."""

import json
import subprocess
import sys
from pathlib import Path

_MEASURE = """
import hashlib, json, resource, sys, time
from lxml import etree
from app.markup import FileSource, parse

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

parse(b"<warm><up/></warm>")
before = peak()
started = time.process_time()
with FileSource(sys.argv[1]) as source:
    markup = parse(source)
    digest = hashlib.sha256()
    for piece in markup.octets(etree.tostring(markup.root, method="c14n")):
        digest.update(piece)
    spent = time.process_time() - started
    after = peak()
    runs = len(markup.runs)
started = time.process_time()
plain = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while block := file.read(1 << 20):
        plain.update(block)
hashing = time.process_time() - started
print(json.dumps({"extra": after - before, "runs": runs, "same": digest.digest() == plain.digest(),
                  "spent": spent, "hashing": hashing}))
"""


def test_a_document_of_100_mb_costs_a_few(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    line = b"QUJDREVGR0hJSktM" * 65_536
    with path.open("wb") as file:
        file.write(b"<a><b>x</b><c>")
        for _ in range(60):
            file.write(line)
        file.write(b"</c><c>")
        for _ in range(40):
            file.write(line)
        file.write(b"</c></a>")
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    measured = json.loads(ran.stdout)
    assert measured["same"]
    assert measured["runs"] == 2
    assert measured["extra"] < 60 * 1024 * 1024
    assert measured["spent"] < 10 * measured["hashing"] + 1
