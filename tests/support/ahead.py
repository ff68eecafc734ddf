"""Do once what every worker of the tests would do for itself: `python -m tests.support.ahead`, before they start.

pytest rewrites each file of tests, to tell what the sides of a failed assertion were, and Hypothesis reads the code of
the product for constants to try. Both find what they kept by the digest of the source, so what changed since is looked
at again as ever, and pytest keeps nothing where Python may write no byte code. Without this each worker spends some ten
seconds of its processor on it.
"""

import ast
import importlib.util
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType

from _pytest.assertion import rewrite
from hypothesis.internal.constants_ast import constants_from_module

ROOT = Path(__file__).parents[2]


def rewritten(source: Path) -> None:
    """Rewrite a file of tests and keep the outcome where pytest will look, unless it is there."""
    kept = rewrite.get_cache_dir(source) / (source.stem + rewrite.PYC_TAIL)
    if rewrite._read_pyc(source, kept) is not None:
        return
    text = source.read_bytes()
    tree = ast.parse(text, str(source))
    rewrite.rewrite_asserts(tree, text, str(source))
    code = compile(tree, str(source), "exec", dont_inherit=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    with partial.open("wb") as file:
        rewrite._write_pyc_fp(file, importlib.util.source_hash(text), code)
    partial.replace(kept)


def read_for_constants(source: Path) -> None:
    """Let Hypothesis keep the constants of a file of the product."""
    module = ModuleType(source.stem)
    module.__file__ = str(source)
    constants_from_module(module)


if __name__ == "__main__":
    tests = ROOT / "tests"
    # What fails here fails again in the tests, which say why.
    with ProcessPoolExecutor() as pool:
        pool.map(rewritten, (*tests.rglob("test_*.py"), *tests.rglob("conftest.py")), chunksize=8)
        pool.map(read_for_constants, (ROOT / "app").rglob("*.py"), chunksize=8)
