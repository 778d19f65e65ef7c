"""`elman eval`, `sample`, `score` and `info`: figures, text and lines, through pipes and in any locale."""

from __future__ import annotations

import math
import os
import random
import re
import select
from pathlib import Path

import pytest

from cli_cases import BROKEN, TINY, USUAL, elman, finished, process, refused, rhyme, trained, write
from elman import data, evaluation, load


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> Path:
    """A model of characters in one stream."""
    return trained(tmp_path_factory.mktemp("stream"), rhyme())


@pytest.fixture(scope="module")
def of_lines(tmp_path_factory) -> Path:
    """A model of lines."""
    return trained(tmp_path_factory.mktemp("lines"), "red\nhen\nten\nnet\nend\n" * 20, "--lines")


@pytest.fixture(scope="module")
def of_words(tmp_path_factory) -> Path:
    """A model of words."""
    return trained(tmp_path_factory.mktemp("words"), rhyme(), "--vocab", "words")


@pytest.fixture(scope="module")
def of_bytes(tmp_path_factory) -> Path:
    """A model of bytes, trained on text that is not UTF-8."""
    return trained(tmp_path_factory.mktemp("bytes"), b"\xff\xfe r\xe9d\n" * 60, "--vocab", "bytes")


# ----------------------------------------------------------------------------------------------------- eval


def test_eval_prints_its_figures_one_to_a_line(stream, tmp_path):
    file = write(tmp_path / "text.txt", "red hen zzz\n")
    out = elman("eval", stream, file).out
    model = load(stream)
    result = evaluation.evaluate(model.network, data.whole(model.vocabulary.encode("red hen zzz\n")))
    assert out.splitlines() == [
        f"{result.nats:.3f} nats",
        f"{result.bits:.3f} bits",
        f"{result.perplexity:.2f} perplexity",
        f"{result.accuracy:.2%} accuracy",
        "11 symbols predicted",
        f"3 unknown symbols in {file}",
    ]
    assert elman("eval", stream, "-", stdin=b"red hen zzz\n").out.splitlines()[:5] == out.splitlines()[:5]


def test_eval_of_a_model_of_lines_reads_each_line_afresh(of_lines, tmp_path):
    one, two = (
        elman("eval", of_lines, write(tmp_path / "text.txt", text)).out for text in ("hen", "hen\n\nhen\n")
    )
    assert one.splitlines()[:4] == two.splitlines()[:4]
    assert "4 symbols predicted" in one
    assert "8 symbols predicted" in two


def test_eval_without_a_file_is_for_models_of_the_bundled_text(stream):
    line = refused(elman("eval", stream), 2)
    assert line.startswith("name a FILE: this model was trained on text.txt")


def test_eval_of_a_model_of_lines_refuses_to_cut(of_lines, tmp_path):
    file = write(tmp_path / "text.txt", rhyme())
    assert "--val-frac" in refused(elman("eval", of_lines, file, "--val-frac", "0.1"), 2)


# --------------------------------------------------------------------------------------------------- sample


def test_sample_prints_the_prime_and_so_many_symbols(stream):
    assert len(elman("sample", stream).out) == 201  # and a line end
    out = elman("sample", stream, "--prime", "red ", "-n", "10").out
    assert out.startswith("red ")
    assert len(out) == 4 + 10 + 1
    assert elman("sample", stream, "--prime", "red ", "-n", "0").out == "red \n"


def test_sample_is_decided_by_its_seed(stream):
    first, again, other = (elman("sample", stream, "--seed", seed).out for seed in "112")
    assert first == again != other


def test_sample_options_reach_the_sampler(stream):
    greedy = elman("sample", stream, "--temperature", "0").out
    assert (
        greedy == elman("sample", stream, "--top-k", "1").out == elman("sample", stream, "--top-p", "0").out
    )
    assert elman("sample", stream, "--temperature", "9").out != elman("sample", stream).out
    text = elman("sample", stream).out
    stop = text[50:53]
    assert elman("sample", stream, "--stop", stop).out == text[: text.index(stop)] + "\n"


def test_sample_tells_what_it_does_not_know(stream):
    done = elman("sample", stream, "--prime", "ZeZ\u00df", "-n", "5")
    assert done.code == 0
    assert done.err == "elman: --prime: unknown to this model, read as its unknown symbol: 'Z', 'ß'\n"
    assert done.out.startswith("ZeZß")


def test_sample_words(of_words):
    out = elman("sample", of_words, "--prime", "red hen", "-n", "6").out
    assert re.match(r"red hen( \w+|\n)", out)
    assert "  " not in out


def test_sample_bytes(of_bytes):
    out = elman("sample", of_bytes, "--prime", "é", "-n", "30").out
    assert out.startswith("é")
    assert "\ufffd" in out  # what is not UTF-8


def test_beam_prints_the_most_probable_text(of_words, stream):
    done = elman("sample", of_words, "--prime", "red", "-n", "3", "--beam", "4")
    assert re.fullmatch(r"red( \w+|\n\w*)+\n", done.out)
    assert re.fullmatch(r"elman: \d+\.\d bits for what goes on\n", done.err)
    one = elman("sample", stream, "-n", "9", "--beam", "1", "--prime", "r").out
    assert one == elman("sample", stream, "-n", "9", "--temperature", "0", "--prime", "r").out
    assert elman("sample", of_words, "--prime", "  ", "-n", "3", "--beam", "2").code == 0
    for flag, value in [("--seed", "1"), ("--temperature", "1"), ("--stop", "x")]:
        assert flag in refused(elman("sample", stream, "--beam", "2", flag, value), 2)


def test_sample_comes_out_as_it_is_drawn_on_a_terminal(stream):
    program = (
        "import time\n"
        "from elman.cli import main, sample\n"
        "def drawn(*given, **options):\n"
        "    yield 'a piece'\n"
        "    time.sleep(60)\n"
        "sample.sample_text = drawn\n"
        "main()\n"
    )
    mine, its = os.openpty()
    with process("sample", stream, stdout=its, program=("-c", program)) as running:
        os.close(its)
        ready, _, _ = select.select([mine], [], [], 20)
        running.kill()
        assert ready
        assert os.read(mine, 99) == b"a piece"
    os.close(mine)


def test_a_model_of_lines_writes_lines_like_those_it_has_read(tmp_path):
    options = ("--lines", "--hidden-size", "32", "--batch-size", "16", "--steps", "150", "--lr", "0.01")
    names = ["anna", "bert", "carl", "dora", "emma"]
    model = tmp_path / "model.safetensors"
    elman("train", write(tmp_path / "names.txt", "\n".join(names * 20)), "-o", model, *options)
    out = elman("sample", model, "-n", "500").out
    assert sum(line in names for line in out.splitlines()) > 80
    assert elman("sample", model, "--prime", "do", "--top-k", "1", "-n", "3").out == "dora\n\n"
    assert elman("sample", model, "--prime", "anna\nem", "-n", "9", "--beam", "3").out == "anna\nemma\n"


# ---------------------------------------------------------------------------------------------------- score


def columns(out: str) -> list[tuple[float, float, str]]:
    rows = [line.split("\t", 2) for line in out.split("\n")[:-1]]
    return [(float(bits), float(each), line) for bits, each, line in rows]


@pytest.mark.parametrize("model", ["stream", "of_lines", "of_words"])
def test_score_prints_bits_and_bits_a_symbol_of_every_line(model, request, tmp_path):
    path = request.getfixturevalue(model)
    text = "red hen\r\n\nten zz\nnet"  # a Windows line end, an empty line, unknown ones, no end
    done = elman("score", path, write(tmp_path / "text.txt", text))
    loaded = load(path)
    lines = ["red hen", "", "ten zz", "net"]
    expected = list(
        evaluation.score_lines(
            loaded.network, loaded.vocabulary, lines, carry=not loaded.record["lines"], batch_size=1
        )
    )
    assert [line for _, _, line in columns(done.out)] == lines
    for (bits, each, _), score in zip(columns(done.out), expected, strict=True):
        assert bits == pytest.approx(score.bits, abs=0.006)
        assert each == pytest.approx(score.bits / score.count, abs=0.0006)
    assert elman("score", path, "-", stdin=text.encode()).out == done.out
    assert elman("score", path, stdin=text.encode()).out == done.out


def test_score_of_nothing_is_nothing(stream, of_lines):
    for model in (stream, of_lines):
        assert elman("score", model, stdin=b"") == (0, "", "")


def test_score_gives_bytes_back_as_they_came(of_bytes):
    running = process("score", of_bytes)
    out, _ = running.communicate(b"\xff\xfe r\xe9d\nabc\n", timeout=30)
    assert out.splitlines()[0].endswith(b"\t\xff\xfe r\xe9d")


def test_odd_lines_of_a_log_come_out_on_top(tmp_path, seed):
    drawn = random.Random(seed)
    verbs, pages = ["GET", "POST"], ["/", "/login", "/items"]
    lines = [
        f"12:{drawn.randrange(60):02} INFO {drawn.choice(verbs)} {drawn.choice(pages)} 200"
        for _ in range(400)
    ]
    options = ("--lines", "--hidden-size", "24", "--batch-size", "16", "--steps", "120", "--lr", "0.02")
    model = tmp_path / "model.safetensors"
    elman("train", write(tmp_path / "app.log", "\n".join(lines)), "-o", model, *options)
    odd = ["kernel panic - not syncing", "12:34 INFO GET /login';DROP TABLE users"]
    mixed = [*lines[:99], odd[0], *lines[99:150], odd[1], *lines[150:]]
    scored = columns(elman("score", model, stdin="\n".join(mixed).encode()).out)
    assert [line for _, _, line in scored] == mixed
    top = sorted(scored, key=lambda row: -row[1])[:2]
    assert {line for _, _, line in top} == set(odd)


@pytest.mark.parametrize("model", ["stream", "of_lines"])
def test_lines_before_a_bad_byte_are_scored(model, request):
    path = request.getfixturevalue(model)
    text = b"red\nten\nn\xffet\nhen\n"
    done = elman("score", path, stdin=text)
    assert "byte 0xff at byte offset 9" in refused(done, 2)
    assert [line for _, _, line in columns(done.out)] == ["red", "ten"]
    done = elman("score", path, "--encoding-errors", "replace", stdin=text)
    assert [line for _, _, line in columns(done.out)] == ["red", "ten", "n\ufffdet", "hen"]


@pytest.mark.parametrize("model", ["stream", "of_lines"])
def test_a_line_is_scored_before_the_pipe_closes(model, request):
    running = process("score", request.getfixturevalue(model))
    for line in (b"red hen\n", b"\n", "zß\n".encode()):
        running.stdin.write(line[:2])
        running.stdin.flush()
        running.stdin.write(line[2:])
        running.stdin.flush()
        assert running.stdout.readline().endswith(b"\t" + line)
    assert finished(running) == (0, "", "")


def test_a_very_long_line_is_scored(of_lines):
    text = b"red\n" + b"hen ten " * (1 << 13) + b"\nten\n"
    (_, each, line), *_ = columns(elman("score", of_lines, stdin=text).out)[1:]
    assert len(line) == 8 << 13
    assert 1 < each < 9


def test_a_model_that_has_seen_no_line_end_scores_no_lines(tmp_path):
    model = trained(tmp_path, rhyme().replace("\n", " "))
    assert "line end" in refused(elman("score", model, stdin=b"red\n"), 2)


# ----------------------------------------------------------------------------------------------------- info


def test_info_tells_what_a_model_is(of_lines):
    out = elman("info", of_lines).out
    assert f"file        {of_lines}: format elman 1, checksum right\n" in out
    assert "network     1 × 5 units elman (tanh), float32: reads 8, writes 8\n" in out
    assert re.search(r"\n            layers\.0\.U   5 × 8 +\|mean\| 0\.\d{4}  \|max\| \d\.\d{4}\n", out)
    assert "parameters  118\nvocabulary  8 chars\ntext        text.txt: 401 symbols, sha256 " in out
    assert "sequences   lines, each for itself\n" in out
    nats, bits = re.search(r"best        step \d+: (\S+) nats  (\S+) bits in validation", out).groups()
    assert float(bits) == pytest.approx(float(nats) / math.log(2), abs=0.002)


def test_info_of_what_runs_here():
    out = elman("info").out
    assert re.match(r"elman    \d+\.\d+\.\d+, Python 3\.", out)
    assert "NumPy" in out


def test_names_of_files_cannot_break_a_line(tmp_path):
    odd = os.fsencode(tmp_path) + b"/a b\n\x1b[31m\xff"
    file, model = odd + b".txt", odd + b".safetensors"
    with open(file, "w") as opened:
        opened.write(rhyme())
    done = finished(process("train", file, "-o", model, *TINY, "--steps", "2"))
    assert done.code == 0, done.err
    assert "\x1b" not in done.err
    told = finished(process("info", model))
    assert told.code == 0
    assert r"a b\n\x1b[31m\udcff.safetensors': format" in told.out
    line = refused(finished(process("info", model + b"2")), 3)
    assert r"\x1b[31m\udcff.safetensors2: cannot be read" in line


# ----------------------------------------------------------------------------------- pipes and locales

FULL = Path("/dev/full")
OUTPUTS = {
    "info": ("info", "MODEL"),
    "sample": ("sample", "MODEL", "-n", "9000"),
    "score": ("score", "MODEL", "TEXT"),
    "eval": ("eval", "MODEL", "TEXT"),
    "help": ("train", "--help"),
}


@pytest.fixture(params=OUTPUTS)
def printing(request, stream) -> list[str]:
    """A command that prints, a lot or a little."""
    named = {"MODEL": str(stream), "TEXT": str(stream.parent / "text.txt")}
    return [named.get(word, word) for word in OUTPUTS[request.param]]


def test_a_reader_that_goes_away_is_no_error(printing):
    with process(*printing) as running:
        running.stdout.close()
        assert running.wait(30) == 0
        assert running.stderr.read() == b""


@pytest.mark.skipif(not FULL.exists(), reason="2026-11-22: only Linux has /dev/full")
def test_a_full_device_is_told(printing):
    done = finished(process(*printing, before=f">{FULL}"))
    assert refused(done, 5) == "standard output: No space left on device"
    assert done.err.count("\n") == 1


def test_closed_streams(printing):
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = finished(process(*printing, before=closed))
        assert (done.code, done.err) == (0, ""), closed
        assert bool(done.out) == (">&-" not in closed.replace("2>&-", ""))


def test_closed_standard_input_is_told(stream):
    for command in ("score", "eval"):
        line = refused(finished(process(command, stream, "-", before="<&-")), 2)
        assert line == "standard input is closed; name a file"


@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}]
)
def test_text_is_utf_8_in_any_locale(tmp_path, locale):
    model = trained(tmp_path, "é ß ü\n" * 99)
    environment = {**USUAL, "PYTHONUTF8": "0", **locale}
    primed = process("sample", model, "--prime", "é".encode(), "-n", "9", env=environment)
    assert finished(primed).out.startswith("é")
    scored = finished(process("score", model, env=environment), "ß é\n".encode())
    assert scored.out.endswith("\tß é\n")
    told = finished(process("info", model, env=environment))
    assert "network     1 × 5 units" in told.out
    trained_again = process(
        "train", tmp_path / "text.txt", "-o", model, *TINY, "--steps", "1", env=environment
    )
    done = finished(trained_again)
    assert done.code == 0
    assert BROKEN not in done.err
