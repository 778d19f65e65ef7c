// Every float through exp, sigmoid, tanh and log on every instruction set, and random doubles of all sizes.
//
//     math_all [--step N] [--random N] [--gradual]
//
// Takes each N-th float only; so many doubles; leaves denormal numbers on. Ends with 1 if a result is farther
// from the exact one than math.hpp says, two sets with FMA differ in a bit, tanh is not odd, or a result is
// out of range.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>

#include "../denormals.hpp"
#include "math_sets.hpp"

namespace {

constexpr long BLOCK = 4096;
constexpr double NEVER = 1e30;  // the error of a result that no rounding explains

// What a float is measured by must have bits to spare.
template <class T> struct Measure;
template <> struct Measure<float> { using Exact = double; using Integer = std::uint32_t; };
template <> struct Measure<double> { using Exact = long double; using Integer = std::uint64_t; };

struct Function {
    const char* name;
    double bound32, bound64;  // units of the last place, with FMA
    double lowest, highest;
};
constexpr double INF = std::numeric_limits<double>::infinity();
constexpr Function FUNCTIONS[] = {
    {"exp", 1.5, 2, 0, INF}, {"sigmoid", 2, 2.5, 0, 1}, {"tanh", 2, 2, -1, 1}, {"log", 1, 1, -INF, INF}};
constexpr int TANH = 2;

template <class Exact> Exact exact(int function, Exact x) {
    switch (function) {
    case 0: return std::exp(x);
    case 1: return 1 / (1 + std::exp(-x));
    case TANH: return std::tanh(x);
    default: return std::log(x);
    }
}

template <class T> typename Measure<T>::Integer bits(T x) {
    typename Measure<T>::Integer i;
    std::memcpy(&i, &x, sizeof x);
    return i;
}

template <class T> T number(typename Measure<T>::Integer i) {
    T x;
    std::memcpy(&x, &i, sizeof x);
    return x;
}

template <class T> double error(T got, typename Measure<T>::Exact want) {
    using Exact = typename Measure<T>::Exact;
    using Limits = std::numeric_limits<T>;
    if (std::isnan(want)) return std::isnan(got) ? 0 : NEVER;
    if (std::isnan(got)) return NEVER;
    const bool one_side = std::signbit(got) == std::signbit(want);
    if (want == 0 || std::isinf(want)) return Exact(got) == want && one_side ? 0 : NEVER;
    if (std::fabs(want) < Limits::min()) return std::fabs(got) <= Limits::min() && one_side ? 0 : NEVER;
    const Exact beyond = std::scalbn(Exact(1), Limits::max_exponent);  // the power of two after the largest
    if (std::fabs(want) >= beyond) return std::isinf(got) && one_side ? 0 : NEVER;
    const Exact value = std::isinf(got) ? std::copysign(beyond, Exact(got)) : Exact(got);
    return double(std::fabs(value - want) / std::scalbn(Exact(Limits::epsilon()), std::ilogb(want)));
}

// The same, quickly, for what is neither special nor near the ends of the range; else infinite.
double quick_error(float got, double want) {
    const std::uint64_t exponent = (bits(want) >> 52) & 2047;
    if (exponent - 900 > 240) return INF;
    return std::fabs(got - want) * number<double>((2046 + 23 - exponent) << 52);
}
double quick_error(double, long double) { return INF; }

template <class T> struct Found {
    double worst = 0;
    T at = 0;
    long different = 0, outside = 0, not_odd = 0;
    std::uint64_t hash = 0;  // of all results that are numbers, in any order

    void add(const Found& other) {
        if (other.worst > worst) worst = other.worst, at = other.at;
        different += other.different, outside += other.outside, not_odd += other.not_odd, hash += other.hash;
    }
};

template <class T> using Table = std::vector<Found<T>>;  // a row of sets for each function

bool gradual = false;

template <class T> void run(const Set<T>& set, int function, const T* x, T* y) {
    if (gradual) return set.apply(function, x, y, BLOCK);
    elman::Denormals guard;
    set.apply(function, x, y, BLOCK);
}

template <class T> void measure(Found<T>& found, const Function& function, int f, const T* x, const T* y,
                                const typename Measure<T>::Exact* want) {
    for (long j = 0; j < BLOCK; ++j) {
        double e = quick_error(y[j], want[j]);
        if (e > found.worst) e = error(y[j], want[j]);
        // With denormals read as zeros, f(0) is right, too.
        if (e > found.worst && x[j] != 0 && std::fabs(x[j]) < std::numeric_limits<T>::min())
            e = std::fmin(e, error(y[j], exact(f, typename Measure<T>::Exact(std::copysign(T(0), x[j])))));
        if (e > found.worst) found.worst = e, found.at = x[j];
        found.outside += y[j] < function.lowest || y[j] > function.highest;
        if (std::isnan(y[j])) continue;
        found.hash += (bits(y[j]) ^ std::uint64_t(bits(x[j])) << 29) * 0x9e3779b97f4a7c15u >> 7;
    }
}

template <class T> long differences(const T* a, const T* b) {
    long count = 0;
    for (long j = 0; j < BLOCK; ++j)
        count += bits(a[j]) != bits(b[j]) && !(std::isnan(a[j]) && std::isnan(b[j]));
    return count;
}

template <class T> void block(const std::vector<Set<T>>& all, const T* x, Table<T>& table) {
    static thread_local T minus[BLOCK], y[BLOCK], first[BLOCK], odd[BLOCK];
    static thread_local typename Measure<T>::Exact want[BLOCK];
    for (long j = 0; j < BLOCK; ++j) minus[j] = -x[j];
    for (int f = 0; f < 4; ++f) {
        for (long j = 0; j < BLOCK; ++j) want[j] = exact(f, typename Measure<T>::Exact(x[j]));
        for (std::size_t s = 0; s < all.size(); ++s) {
            Found<T>& found = table[f * all.size() + s];
            run(all[s], f, x, y);
            measure(found, FUNCTIONS[f], f, x, y, want);
            if (s == 0) std::memcpy(first, y, sizeof y);
            if (all[s].fused) found.different += differences(first, y);
            if (f != TANH) continue;
            run(all[s], f, minus, odd);
            for (long j = 0; j < BLOCK; ++j) odd[j] = -odd[j];
            found.not_odd += differences(odd, y);
        }
    }
}

// SplitMix64: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195
std::uint64_t scrambled(std::uint64_t i) {
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
    i = (i ^ (i >> 27)) * 0x94d049bb133111ebu;
    return i ^ (i >> 31);
}

void arguments(std::uint64_t start, std::uint64_t step, float* x) {
    for (long j = 0; j < BLOCK; ++j) x[j] = number<float>(std::uint32_t((start + j) * step));
}

// A fifth each: any bits; magnitudes from 2^-40 to 2^10; where exp, tanh, log change most. No function of a
// library makes them, so that they are the same on every machine.
void arguments(std::uint64_t start, std::uint64_t, double* x) {
    for (long j = 0; j < BLOCK; ++j) {
        const std::uint64_t r = scrambled(start + j), fraction = r >> 12, sign = r << 63;
        const double unit = double(r >> 11) * 0x1p-53;
        const std::uint64_t medium = sign | (983 + (r >> 1) % 50) << 52 | fraction;
        const double choices[] = {number<double>(r), number<double>(medium), (sign ? -750 : 750) * unit,
                                  (sign ? -22 : 22) * unit, 2 * unit};
        x[j] = choices[(start + j) % 5];
    }
}

// Where something changes, each with its 128 neighbors: the logarithms of the ends of the range, what
// math.hpp compares with, √½, √2, and so on.
template <class T> void edges(T* x) {
    using Limits = std::numeric_limits<T>;
    const bool narrow = sizeof(T) == 4;
    const T highest = T(narrow ? 88.72283905206835 : 709.782712893384);
    const T lowest = T(narrow ? 87.33654475055310 : 708.3964185322641);
    const T one = T((Limits::digits + 3) * 0.34657359027997264);
    const T ends[] = {0, Limits::min(), Limits::max(), 1, 2, T(0.56), T(0.34657359), T(0.69314718),
                      T(0.7071067811865476), T(1.4142135623730951), one, T(one - 0.35),
                      highest, T(highest + 0.7), lowest, T(lowest + 0.7)};
    for (long j = 0; j < BLOCK; ++j) {
        const T near = number<T>(typename Measure<T>::Integer(bits(ends[j % 16]) + j / 32 - 64));
        x[j] = j / 16 % 2 ? -near : near;
    }
}

template <class T> Table<T> sweep(const std::vector<Set<T>>& all, std::uint64_t count, std::uint64_t step) {
    const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
    std::atomic<std::uint64_t> next{0};
    std::vector<Table<T>> tables(threads, Table<T>(4 * all.size()));
    std::vector<std::thread> workers;
    for (Table<T>& table : tables)
        workers.emplace_back([&] {
            static thread_local T x[BLOCK];
            if (&table == &tables[0]) edges(x), block(all, x, table);
            for (std::uint64_t start; (start = next.fetch_add(BLOCK)) < count;)
                arguments(start, step, x), block(all, x, table);
        });
    for (std::thread& worker : workers) worker.join();
    for (unsigned w = 1; w < threads; ++w)
        for (std::size_t i = 0; i < tables[0].size(); ++i) tables[0][i].add(tables[w][i]);
    return tables[0];
}

template <class T> bool report(const char* type, const std::vector<Set<T>>& all, const Table<T>& table) {
    bool good = true;
    for (int f = 0; f < 4; ++f)
        for (std::size_t s = 0; s < all.size(); ++s) {
            const Found<T>& found = table[f * all.size() + s];
            const double fused = sizeof(T) == 4 ? FUNCTIONS[f].bound32 : FUNCTIONS[f].bound64;
            const double bound = all[s].fused ? fused : fused + 1;
            const bool kept = found.worst <= bound && !found.different && !found.outside && !found.not_odd;
            std::printf("%-8s%-8s %-9s worst %.4g at %.17g (bound %g), ", type, FUNCTIONS[f].name,
                        all[s].name.c_str(), found.worst, double(found.at), bound);
            std::printf("differ %ld, outside %ld, not odd %ld, hash %016llx%s\n", found.different,
                        found.outside, found.not_odd, (unsigned long long)found.hash, kept ? "" : "  WRONG");
            good = good && kept;
        }
    return good;
}

}  // namespace

int main(int count, char** words) {
    std::uint64_t step = 1, random = 1 << 24;
    for (int i = 1; i < count; ++i) {
        if (!std::strcmp(words[i], "--gradual")) gradual = true;
        else if (!std::strcmp(words[i], "--step") && i + 1 < count) step = std::stoull(words[++i]);
        else if (!std::strcmp(words[i], "--random") && i + 1 < count) random = std::stoull(words[++i]);
        else return std::fprintf(stderr, "math_all: what is %s?\n", words[i]), 2;
    }
    const auto floats = sets<float>();
    const auto doubles = sets<double>();
    bool good = report("float32", floats, sweep(floats, (std::uint64_t(1) << 32) / step, step));
    good &= report("float64", doubles, sweep(doubles, random, 0));
    return good ? 0 : 1;
}
