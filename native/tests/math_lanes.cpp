// simd.hpp and denormals.hpp on one instruction set, lane by lane beside plain numbers. Prints what is wrong
// and ends with the number of faults.
#include "../simd.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "../denormals.hpp"

namespace {

using namespace elman::ELMAN_ISA;

int faults = 0;

void expect(bool good, const char* what, int where) {
    if (good) return;
    std::printf("%s, at %d\n", what, where);
    ++faults;
}

template <class T> bool same(T a, T b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

template <class T> struct Cases {
    static constexpr int n = Vec<T>::lanes;
    T a[n], b[n], c[n];

    explicit Cases(int turn) {
        const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
        const T odd[] = {0, T(-0.0), 1, -1, T(1) / 3, -inf, inf, nan, T(-1e30), T(0.1), 7, T(1e-30)};
        for (int j = 0; j < n; ++j) {
            a[j] = odd[(j + turn) % 12], b[j] = odd[(j * 5 + turn / 12) % 12];
            c[j] = T((j * 7 + turn * 13) % 101) / 9 - 5;
        }
    }
};

template <class T, class Got, class Want> void each(const char* what, int turn, Got got, Want want) {
    T y[Vec<T>::lanes];
    got().store(y);
    for (int j = 0; j < Vec<T>::lanes; ++j) expect(same(y[j], T(want(j))), what, turn);
}

template <class T> void arithmetic(int turn) {
    const Cases<T> k(turn);
    using V = Vec<T>;
    const V a = V::load(k.a), b = V::load(k.b), c = V::load(k.c);
    const T* p = k.a; const T* q = k.b; const T* r = k.c;
    each<T>("a + b", turn, [&] { return a + b; }, [&](int j) { return p[j] + q[j]; });
    each<T>("a - b", turn, [&] { return a - b; }, [&](int j) { return p[j] - q[j]; });
    each<T>("a * b", turn, [&] { return a * b; }, [&](int j) { return p[j] * q[j]; });
    each<T>("a / b", turn, [&] { return a / b; }, [&](int j) { return p[j] / q[j]; });
    each<T>("-a", turn, [&] { return -a; }, [&](int j) { return -p[j]; });
    each<T>("abs", turn, [&] { return abs(a); }, [&](int j) { return std::fabs(p[j]); });
    each<T>("sqrt", turn, [&] { return sqrt(a); }, [&](int j) { return std::sqrt(p[j]); });
    each<T>("min", turn, [&] { return min(a, b); }, [&](int j) { return p[j] < q[j] ? p[j] : q[j]; });
    each<T>("max", turn, [&] { return max(a, b); }, [&](int j) { return p[j] > q[j] ? p[j] : q[j]; });
    each<T>("less", turn, [&] { return select(less(a, b), a, c); },
            [&](int j) { return p[j] < q[j] ? p[j] : r[j]; });
    each<T>("less_equal", turn, [&] { return select(less_equal(a, b), a, c); },
            [&](int j) { return p[j] <= q[j] ? p[j] : r[j]; });
    each<T>("equal", turn, [&] { return select(equal(a, b), a, c); },
            [&](int j) { return p[j] == q[j] ? p[j] : r[j]; });
    each<T>("is_nan, &, |, !", turn, [&] { return select((is_nan(a) | less(b, c)) & !equal(a, b), a, c); },
            [&](int j) { return (p[j] != p[j] || q[j] < r[j]) && !(p[j] == q[j]) ? p[j] : r[j]; });
#if ELMAN_TARGET_BASELINE
    each<T>("fma", turn, [&] { return fma(a, c, b); }, [&](int j) { return T(p[j] * r[j]) + q[j]; });
    each<T>("fnma", turn, [&] { return fnma(a, c, b); }, [&](int j) { return q[j] - T(p[j] * r[j]); });
#else
    each<T>("fma", turn, [&] { return fma(a, c, b); }, [&](int j) { return std::fma(p[j], r[j], q[j]); });
    each<T>("fnma", turn, [&] { return fnma(a, c, b); }, [&](int j) { return std::fma(-p[j], r[j], q[j]); });
#endif
}

template <class T> void integers() {
    using V = Vec<T>;
    using U = typename Bits<T>::Unsigned;
    constexpr int extra = 64 - 8 * sizeof(T);
    const U i = U(0x9e3779b97f4a7c15u >> extra), k = U(0x0123456789abcdefu >> extra);
    const V a = V::bits(i), b = V::bits(k);
    const V got[] = {bit_and(a, b),       bit_or(a, b),     bit_xor(a, b),    add_bits(a, b),
                     subtract_bits(a, b), shift_left<5>(a), shift_right<5>(a)};
    const U want[] = {i & k, i | k, i ^ k, i + k, i - k, i << 5, i >> 5};
    for (int f = 0; f < 7; ++f) {
        T y[V::lanes];
        got[f].store(y);
        for (T lane : y) expect(std::memcmp(&lane, &want[f], sizeof lane) == 0, "integer operation", f);
    }
}

// sum and largest, along the tree x[j] with x[j + n/2].
template <class T> void trees(int turn) {
    const Cases<T> k(turn);
    T s[Vec<T>::lanes], m[Vec<T>::lanes];
    std::memcpy(s, k.c, sizeof s), std::memcpy(m, k.c, sizeof m);
    for (int half = Vec<T>::lanes / 2; half; half /= 2)
        for (int j = 0; j < half; ++j) s[j] += s[j + half], m[j] = m[j] > m[j + half] ? m[j] : m[j + half];
    expect(same(sum(Vec<T>::load(k.c)), s[0]), "sum", turn);
    expect(same(largest(Vec<T>::load(k.c)), m[0]), "largest", turn);
}

// The page after the last number, and the one before the first, may not be touched.
template <class T> void ends() {
    using V = Vec<T>;
    const long page = sysconf(_SC_PAGESIZE);
    char* place = static_cast<char*>(mmap(nullptr, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    expect(mprotect(place + page, page, PROT_READ | PROT_WRITE) == 0, "mprotect", 0);
    T* const begin = reinterpret_cast<T*>(place + page);
    T* const end = reinterpret_cast<T*>(place + 2 * page);
    for (int n = 0; n <= V::lanes; ++n)
        for (T* p = begin; p; p = p == begin ? end - n : nullptr) {
            for (T* q = begin; q < end; ++q) *q = T(q - begin) + 1;
            T y[V::lanes];
            V::load(p, n).store(y);
            for (int j = 0; j < V::lanes; ++j) expect(same(y[j], j < n ? p[j] : T(0)), "load(p, n)", n);
            select(Mask<T>::first(n), V::all(1), V::all(2)).store(y);
            for (int j = 0; j < V::lanes; ++j) expect(y[j] == (j < n ? 1 : 2), "first(n)", n);
            V::all(-1).store(p, n);
            for (T* q = begin; q < end; ++q)
                expect(*q == (q >= p && q < p + n ? T(-1) : T(q - begin) + 1), "store(p, n)", n);
        }
    munmap(place, 3 * page);
}

void denormals() {
    using Limits = std::numeric_limits<float>;
    volatile float least = Limits::denorm_min(), small = Limits::min();
    {
        elman::Denormals outer;
        { elman::Denormals inner; }
        expect(least * 1e30f == 0, "a denormal operand is not zero", 0);
        expect(small * 0.5f == 0, "a denormal result is not zero", 0);
    }
    expect(least * 1e30f > 0 && small * 0.5f > 0, "the mode is not restored", 0);
}

template <class T> void all() {
    for (int turn = 0; turn < 144; ++turn) arithmetic<T>(turn), trees<T>(turn);
    integers<T>();
    ends<T>();
}

}  // namespace

int main() {
    all<float>();
    all<double>();
    denormals();
    return faults < 100 ? faults : 100;
}
