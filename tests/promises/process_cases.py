"""What promises about processes share: a counter of calls into the C library, and a process to ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COUNTED = ("malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "pthread_mutex_lock")
COUNTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static long counts[7];
static char early[1 << 16]; /* for what is asked before the real functions are known */
static size_t taken;

void snapshot(long *into) { memcpy(into, counts, sizeof counts); }

static int is_early(void *p) { return (char *)p >= early && (char *)p < early + sizeof early; }

static void *first(size_t size) {
    size_t at = taken;
    taken += (size + 63) & ~(size_t)63;
    return taken < sizeof early ? early + at : NULL;
}

#define REAL(number, result, name, ...)                                    \\
    static result (*real)(__VA_ARGS__);                                    \\
    static int asked;                                                      \\
    __atomic_add_fetch(&counts[number], 1, __ATOMIC_SEQ_CST);              \\
    if (!real && !asked) {                                                 \\
        asked = 1;                                                         \\
        real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name);            \\
        asked = 0;                                                         \\
    }

void *malloc(size_t size) {
    REAL(0, void *, "malloc", size_t)
    return real ? real(size) : first(size);
}

void *calloc(size_t count, size_t size) {
    REAL(1, void *, "calloc", size_t, size_t)
    return real ? real(count, size) : first(count * size);
}

void *realloc(void *p, size_t size) {
    REAL(2, void *, "realloc", void *, size_t)
    if (!is_early(p)) return real ? real(p, size) : first(size);
    void *copy = malloc(size);
    size_t there = (size_t)(early + sizeof early - (char *)p);
    return copy ? memcpy(copy, p, size < there ? size : there) : NULL;
}

void free(void *p) {
    REAL(3, void, "free", void *)
    if (real && !is_early(p)) real(p);
}

int posix_memalign(void **p, size_t alignment, size_t size) {
    REAL(4, int, "posix_memalign", void **, size_t, size_t)
    return real(p, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    REAL(5, void *, "aligned_alloc", size_t, size_t)
    return real(alignment, size);
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    REAL(6, int, "pthread_mutex_lock", pthread_mutex_t *)
    return real ? real(mutex) : 0;
}
"""


def counter(place: Path) -> Path:
    """Compile the counter: a library to be loaded before all others."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler, or no LD_PRELOAD, to count calls with")
    source, made = place / "counter.c", place / "counter.so"
    source.write_text(COUNTER, "utf-8")
    flags = ("-O1", "-fno-builtin", "-shared", "-fPIC", "-pthread")
    subprocess.run([*compiler.split(), *flags, str(source), "-o", str(made), "-ldl"], check=True)
    return made


def ask(program: str, *arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> Any:
    """Run a program in a process of its own; return what it prints last, JSON."""
    command = [*prefix, sys.executable, "-c", program, *arguments]
    given = {**os.environ, **environment}
    done = subprocess.run(command, env=given, capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
