"""First inputs for a fuzz target, made of a generated report: seeds.py REPORTS OUT TARGET."""

import gzip
import io
import sys
import zipfile
from pathlib import Path


def report(reports: Path) -> bytes:
    """The beginning of a generated report."""
    first = sorted(reports.rglob("*.csv.gz"))[0]
    return b"\n".join(gzip.decompress(first.read_bytes()).splitlines()[:12]) + b"\n"


def csv(reports: Path):
    text = report(reports)
    yield b"\x07" + text
    yield b"\x01\xef\xbb\xbf" + text[:500].replace(b"\n", b"\r\n")
    yield b'\x02a,"b ""c"" d","e\r\nf"\r\n,,"",\n"open'


def decimals(reports: Path):
    for field in {field for line in report(reports).split(b"\n") for field in line.split(b",") if len(field) < 40}:
        yield field
    yield from [b"1E-7", b"-.5", b"+1", b"1.", b"99999999999999999999.9999999999999999995", b"\0\0\0\0\0\0\xf0\x3f"]


def paths(reports: Path):
    yield from (str(path.relative_to(reports)).encode() for path in reports.rglob("*"))
    yield from [b"a/b/f", b"i/f", b"u/f", b"../f", b"a/../../f", b"l/a/o/o/f", b"%2e%2e", b"a/", b"/etc/passwd", b"a//f"]


def archives(reports: Path):
    text = report(reports)
    yield gzip.compress(text)
    yield gzip.compress(text[:100]) + gzip.compress(text[100:])
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for names in (["a.csv"], ["a.csv", "__MACOSX/a.csv"], ["a.csv", "b.csv"], ["d/", "d/a.csv"]):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", method) as archive:
                for name in names:
                    archive.writestr(name, b"" if name.endswith("/") else text[:800])
            yield out.getvalue()
    # A zstd frame of one stored block and one block of a repeated byte.
    block = text[:200]
    stored = (len(block) << 3).to_bytes(3, "little") + block
    yield b"\x28\xb5\x2f\xfd\x00\x38" + stored + (1000 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"x"


def intake(reports: Path):
    import pyarrow as pa
    from decimal import Decimal

    texts = [line.decode() for line in report(reports).split(b"\n") if line]
    rows = 5
    map_type = pa.map_(pa.field("keys", pa.string(), nullable=False), pa.field("values", pa.string()))
    columns = {
        "account": pa.array(["1", "2", "1", "2", "3"]),
        "cost": pa.array([Decimal("1.5"), Decimal(0), Decimal("-2"), Decimal(3), Decimal(4)], pa.decimal128(38, 18)),
        "note": pa.array([None, texts[0][:40], "", None, "ä"]),
        "tags": pa.array([[("team", "x")], [], None, [("a", "b"), ("c", None)], None], map_type),
        "at": pa.array([0, 1, None, 3, 4], pa.timestamp("us", "UTC")),
        "names": pa.array([["a", None], [], None, ["b"], []], pa.list_(pa.field("item", pa.string()))),
        "day": pa.array([0, 1, None, 3, 4], pa.date32()),
        "whole": pa.array([1, 2, None, 4, 5], pa.int64()),
        "ratio": pa.array([0.5, None, float("nan"), 1.0, 2.0]),
        "yes": pa.array([True, None, False, True, False]),
    }
    plain = columns
    narrow = columns | {"account": columns["account"].dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))}
    empty = narrow | {name: pa.nulls(rows) for name in columns if name not in ("account", "cost")}
    for chosen in (plain, narrow, empty):
        batch = pa.record_batch(list(chosen.values()), names=list(chosen))
        out = io.BytesIO()
        with pa.ipc.new_stream(out, batch.schema) as writer:
            writer.write_batch(batch)
            writer.write_batch(batch.slice(1, 2))
        yield out.getvalue()


def main() -> None:
    reports, out, target = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    out.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(globals()[target](reports)):
        (out / f"seed-{number}").write_bytes(seed)


main()
