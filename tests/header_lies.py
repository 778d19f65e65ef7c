"""Model files whose header lies, each with the words of its refusal.  Knows the layout, not the models."""

from __future__ import annotations

import hashlib

SEAL = '"__metadata__":{"sha256":"DIGEST"}'


def prefixed(length, rest=b"{}"):
    return length.to_bytes(8, "little") + rest


def sealed(text, data=b""):
    """Return a file whose length prefix and digest (where DIGEST stands) are right: only the lie is wrong."""
    raw = text.replace("DIGEST", "0" * 64).encode("utf-8", "surrogateescape")
    blank = prefixed(len(raw), raw + data)
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


def tensor(name="t", dtype='"F32"', shape="[2]", offsets="[0,8]"):
    return f'"{name}":{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}'


def file(*members, data=bytes(8)):
    return sealed("{" + ",".join((SEAL, *members)) + "}", data)


def metadata(members):
    return sealed(f'{{"__metadata__":{{"sha256":"DIGEST",{members}}}}}')


def deep(opening, closing, depth):
    return file('"t":' + opening * depth + "0" + closing * depth)


T = tensor()
NOT_OURS = "not a model file, or cut short"
NOT_JSON = "the header is not JSON text"
NOT_WHOLE = "expected whole numbers only"
SHAPE = r"has shape .* expected at most 4 whole numbers from 1"
OFFSETS = r"has data_offsets .* expected \["
LIES = {
    "empty file": (b"", NOT_OURS),
    "one byte": (b"{", NOT_OURS),
    "length 0": (bytes(16), "begins with b''"),
    "length 2^63": (prefixed(1 << 63), NOT_OURS),
    "length 2^64 - 1": (prefixed((1 << 64) - 1), NOT_OURS),
    "length 99 MB": (prefixed(99_000_000, b"{" + b" " * 4096), NOT_OURS),
    "length past the end": (prefixed(3), NOT_OURS),
    "length past the limit": (sealed("{" + SEAL + "}" + " " * (1 << 20)), NOT_OURS),
    "2 MB metadata": (metadata('"a":"' + "x" * 2_000_000 + '"'), NOT_OURS),
    "a list": (sealed('["DIGEST"]'), "begins with"),
    "a space first": (sealed(" {" + SEAL + "}"), "begins with"),
    "a byte order mark first": (sealed("\ufeff{" + SEAL + "}"), "begins with"),
    "UTF-16": (sealed("{\0}\0"), NOT_JSON),
    "bad UTF-8": (file(tensor("\udcff")), NOT_JSON),
    "overlong UTF-8": (file(tensor("\udcc0\udcaf")), NOT_JSON),
    "control character": (file(tensor("\n")), NOT_JSON),
    "unfinished string": (file('"' + '\\"' * 300_000 + "\\"), NOT_JSON),
    "unfinished escape": (sealed("{" + SEAL + ',"' + '\\"' * 300_000 + "\\"), NOT_JSON),
    "two objects": (sealed("{" + SEAL + "}{}"), NOT_JSON),
    "trailing comma": (file(T, ""), NOT_JSON),
    "depth 100,000": (deep("[", "]", 100_000), "brackets"),
    "depth 10,000": (deep("[", "]", 10_000), NOT_JSON),
    "depth 5,000 of objects": (
        deep('{"a":', "}", 5_000),
        f"{NOT_JSON}|expected an object of dtype",
    ),  # from 3.13 on it is read
    "NaN": (file(tensor(shape="[NaN]")), NOT_WHOLE),
    "Infinity": (file(tensor(shape="[-Infinity]")), NOT_WHOLE),
    "1e999": (file(tensor(shape="[1e999]")), NOT_WHOLE),
    "2.0": (file(tensor(shape="[2.0]")), NOT_WHOLE),
    "5,000 digits": (file(tensor(shape=f"[{'1' * 5_000}]")), "the number"),
    "1,000,000 digits": (file(tensor(shape=f"[{'1' * 1_000_000}]")), "the number"),
    "negative dimension": (file(tensor(shape="[-2]")), "the number '-2'"),
    "two negative dimensions": (file(tensor(shape="[-1,-2]")), "the number '-1'"),
    "negative offset": (file(tensor(offsets="[-8,0]")), "the number '-8'"),
    "minus zero": (file(tensor(offsets="[-0,8]")), "the number '-0'"),
    "true for 1": (file(tensor(shape="[2,true]")), SHAPE),
    "false for 0": (file(tensor(offsets="[false,8]")), OFFSETS),
    "string for 2": (file(tensor(shape='["2"]')), SHAPE),
    "null for a shape": (file(tensor(shape="null")), SHAPE),
    "object for a shape": (file(tensor(shape="{}")), SHAPE),
    "rank 5": (file(tensor(shape="[2,1,1,1,1]")), SHAPE),
    "rank 65": (file(tensor(shape=f"[2{',1' * 64}]")), SHAPE),
    "rank 10,000": (file(tensor(shape=f"[2{',1' * 9_999}]")), SHAPE),
    "0 x 2^62": (file(tensor(shape=f"[0,{1 << 62}]", offsets="[0,0]"), data=b""), SHAPE),
    "zero-size tensor": (file(T, tensor("u", shape="[0]", offsets="[8,8]")), SHAPE),
    "zero-size overlap": (file(T, tensor("u", shape="[0]", offsets="[4,4]")), SHAPE),
    "product overflow": (file(tensor(shape="[4194305,4194305,211106198978564]")), OFFSETS),
    "product 2^64": (file(tensor(shape=f"[{1 << 32},{1 << 32}]", offsets="[0,0]"), data=b""), OFFSETS),
    "size unlike shape": (file(tensor(shape="[3]")), OFFSETS),
    "overlap": (file(T, tensor("u", offsets="[4,12]"), data=bytes(12)), OFFSETS),
    "alias": (file(T, tensor("u")), OFFSETS),
    "hole": (file(T, tensor("u", offsets="[16,24]"), data=bytes(24)), OFFSETS),
    "hole at the start": (file(tensor(offsets="[8,16]"), data=bytes(16)), OFFSETS),
    "begin inside": (file(tensor(offsets="[4,8]")), OFFSETS),
    "end before begin": (file(tensor(offsets="[8,0]")), OFFSETS),
    "three offsets": (file(tensor(offsets="[0,8,8]")), OFFSETS),
    "4 terabytes": (file(tensor(shape=f"[{1 << 40}]", offsets=f"[0,{1 << 42}]")), "has 8 bytes of data"),
    "past the end": (file(tensor(shape="[4]", offsets="[0,16]")), "has 8 bytes of data, expected 16"),
    "bytes left over": (file(T, data=bytes(12)), "has 12 bytes of data, expected 8"),
    "duplicate tensor": (file(T, T), "'t' twice"),
    "duplicate tensor, escaped": (file(T, tensor("\\u0074")), "'t' twice"),
    "duplicate field": (file('"t":{"dtype":"F32","dtype":"F32"}'), "'dtype' twice"),
    "duplicate metadata": (file(SEAL), "'__metadata__' twice"),
    "duplicate metadata key": (metadata('"a":"1","a":"2"'), "'a' twice"),
    "duplicate digest": (metadata('"sha256":"DIGEST"'), "'sha256' twice"),
    "extra field": (file(T[:-1] + ',"path":"/etc/passwd"}'), "expected an object of dtype"),
    "missing field": (file('"t":{"dtype":"F32","shape":[2]}'), "expected an object of dtype"),
    "a list for a tensor": (file('"t":["dtype","shape","data_offsets"]'), "expected an object of dtype"),
    "unknown dtype": (file(tensor(dtype='"F33"')), "expected one of F32, F64, I64, U8"),
    "BF16": (file(tensor(dtype='"BF16"', shape="[4]")), "'BF16', expected one of"),
    "F4": (file(tensor(dtype='"F4"', shape="[16]")), "'F4', expected one of"),
    "dtype in lower case": (file(tensor(dtype='"f32"')), "'f32', expected one of"),
    "a list for a dtype": (file(tensor(dtype='["F32"]')), r"\['F32'\], expected one of"),
    "dtype of 900 KB": (file(tensor(dtype=f'"{"F" * 900_000}"')), "expected one of"),
    "empty name": (file(tensor("")), "expected 1 to 255 bytes"),
    "name of 900 KB": (file(tensor("n" * 900_000)), "expected 1 to 255 bytes"),
    "half a surrogate pair": (file(tensor("\\ud800")), "not Unicode text"),
    "1,025 tensors": (
        file(*(tensor(i, '"U8"', "[1]", f"[{i},{i + 1}]") for i in range(1025)), data=bytes(1025)),
        "1025 tensors, expected at most 1024",
    ),
    "200,000 tensors": (file(*('"":0' for _ in range(200_000))), "brackets"),
    "distinct names": (file(*(f'"{i:x}":0' for i in range(100_000))), "brackets"),
    "distinct names within bounds": (file(*(f'"{i:x}":0' for i in range(16_000))), "16000 tensors"),
    "empty lists": (file('"t":[' + "[]," * 300_000 + "0]"), "brackets"),
    "small numbers": (file('"t":[' + "300," * 250_000 + "0]"), "brackets"),
    "metadata past its limit": (metadata('"a":"' + "x" * 262_144 + '"'), "expected at most 262144"),
    "metadata of wide characters": (metadata('"a":"🜁' + "x" * 1_000_000 + '"'), "expected at most 262144"),
    "metadata of escapes": (metadata('"a":"' + "\\u2603" * 170_000 + '"'), "expected at most 262144"),
    "no metadata": (sealed(f"{{{T}}}", bytes(8)), "no '__metadata__' object"),
    "a list for metadata": (sealed('{"__metadata__":["sha256","DIGEST"]}'), "no '__metadata__' object"),
    "null for metadata": (sealed('{"__metadata__":null}'), "no '__metadata__' object"),
    "metadata with a number": (metadata('"a":1'), "'a' is 1, expected a string"),
    "metadata with an object": (metadata('"a":{}'), "'a' is {}, expected a string"),
    "no digest": (sealed('{"__metadata__":{"a":"1"}}'), "'sha256' is '', expected 64"),
    "short digest": (sealed('{"__metadata__":{"sha256":"00"}}'), "expected 64"),
    "digest in capitals": (sealed(f'{{"__metadata__":{{"sha256":"{"A" * 64}"}}}}'), "expected 64"),
    "escaped digest": (sealed(f'{{"__metadata__":{{"sha256":"\\u0061{"a" * 63}"}}}}'), "unescaped"),
    "digest of another file": (
        sealed(f'{{"__metadata__":{{"sha256":"{"a" * 64}"}}}}'),
        "damaged: the SHA-256",
    ),
}
