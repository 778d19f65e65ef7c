// The module elman._native: what engines/native.py calls. Every array is checked before anything is read.
#include "build.hpp"
#include "heads.hpp"
#include "optimizer.hpp"
#include "streaming.hpp"
#include "whole.hpp"

namespace nb = nanobind;

namespace elman {

#define ELMAN_DECLARE(set)                                     \
    namespace set {                                            \
    template <class T> const Kernels<T>& kernels();            \
    template <> const Kernels<float>& kernels<float>();        \
    template <> const Kernels<double>& kernels<double>();      \
    }

ELMAN_SETS(ELMAN_DECLARE)

namespace {

struct Set {
    const char* name;
    const Kernels<float>& (*single)();
    const Kernels<double>& (*twice)();
    bool (*runs)();
};

bool always() { return true; }
#if defined(__x86_64__) && defined(__GNUC__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
#endif
[[maybe_unused]] bool (*const runs_avx2)() = has_avx2;
[[maybe_unused]] bool (*const runs_avx512)() = has_avx512;
[[maybe_unused]] bool (*const runs_neon)() = always;
[[maybe_unused]] bool (*const runs_baseline)() = always;

#define ELMAN_ROW(set) {#set, set::kernels<float>, set::kernels<double>, runs_##set},
const Set SETS[] = {ELMAN_SETS(ELMAN_ROW)};  // best first

const Set* in_use = nullptr;

nb::tuple names(bool (*wanted)(const Set&)) {
    nb::list found;
    for (const Set& set : SETS)
        if (wanted(set)) found.append(nb::str(set.name));
    return nb::tuple(found);
}

void use(const std::string& name) {
    for (const Set& set : SETS)
        if (name == set.name && set.runs()) {
            in_use = &set;
            return;
        }
    throw std::invalid_argument("no instruction set '" + name + "' here");
}

const Set& chosen() {
    if (!in_use) throw std::runtime_error("no instruction set is chosen yet; call use() first");
    return *in_use;
}

template <class T> const Kernels<T>& kernels_in_use();
template <> const Kernels<float>& kernels_in_use<float>() { return chosen().single(); }
template <> const Kernels<double>& kernels_in_use<double>() { return chosen().twice(); }

template <class T> void define(nb::module_ m) {
    m.def("forward", [](int cell, nb::tuple sizes, nb::tuple weights, nb::tuple course, nb::tuple tape, int threads) {
        forward_layer<T>(kernels_in_use<T>(), {cell, sizes, weights, course, tape}, threads);
    });
    m.def("backward", [](int cell, nb::tuple sizes, nb::tuple weights, nb::tuple course, nb::tuple tape,
                         nb::tuple flow, nb::tuple gradient, int threads) {
        backward_layer<T>(kernels_in_use<T>(), {cell, sizes, weights, course, tape}, flow, gradient, threads);
    });
    m.def("outputs", [](nb::tuple sizes, nb::tuple arrays, int threads) {
        head_outputs<T>(kernels_in_use<T>(), sizes, arrays, threads);
    });
    m.def("inputs", [](nb::tuple sizes, nb::tuple arrays, int threads) {
        head_inputs<T>(kernels_in_use<T>(), sizes, arrays, threads);
    });
    m.def("softmax", [](nb::tuple sizes, nb::tuple arrays, double total, double share, int threads) {
        return softmax_loss<T>(kernels_in_use<T>(), sizes, arrays, total, share, threads);
    });
    m.def("judge", [](nb::tuple sizes, nb::tuple arrays, int threads) {
        judge_symbols<T>(kernels_in_use<T>(), sizes, arrays, threads);
    });
    m.def("sum_by_symbol", [](nb::tuple sizes, nb::handle symbols, nb::handle rows, nb::handle out, int threads) {
        symbol_sums<T>(kernels_in_use<T>(), sizes, {symbols, rows, out}, threads);
    });
    m.def("update", [](int rule, nb::tuple constants, nb::handle x, nb::handle g, nb::handle memory, Index size,
                       int threads) {
        return take_step<T>(kernels_in_use<T>(), {rule, constants, x, g, memory, size}, threads);
    });
    m.def("squares", [](nb::handle g, Index count) {
        Views views;
        const T* from = views.in<T>(g, count, "g");
        if (!from) throw std::invalid_argument("an array that is needed is None");
        return kernels_in_use<T>().squares(from, count);
    });
    m.def("apply", [](int function, nb::handle in, nb::handle out, Index count) {
        if (function < 0 || function > 3) throw std::invalid_argument("no such function");
        Views views;
        const T* from = views.in<T>(in, count, "in");
        T* to = views.out<T>(out, count, "out");
        if (!from || !to) throw std::invalid_argument("an array that is needed is None");
        const Denormals flushed;
        kernels_in_use<T>().apply(function, from, to, count);
    });
}

template <class T> void define_whole(nb::module_ m) {
    nb::class_<Whole<T>> whole(m, "Whole");
    whole.def("__init__", [](Whole<T>* self, nb::handle flat, nb::tuple sizes, nb::tuple layers, nb::tuple outlet,
                             int threads) {
        new (self) Whole<T>(kernels_in_use<T>(), flat, sizes, layers, outlet, threads);
    });
    whole.def("room", &Whole<T>::room);
    whole.def("differentiate", &Whole<T>::differentiate);
}

}  // namespace
}  // namespace elman

NB_MODULE(_native, m) {
    using namespace elman;
    nb::set_leak_warnings(false);  // a network may live until the interpreter ends
    m.attr("source_digest") = source_digest;
    m.def("built_sets", [] { return names([](const Set&) { return true; }); });
    m.def("instruction_sets", [] { return names([](const Set& set) { return set.runs(); }); });
    m.def("use", [](const char* name) { use(name); });
    m.def("in_use", [] { return in_use ? in_use->name : ""; });
    nb::module_ single = m.def_submodule("float32"), twice = m.def_submodule("float64");
    define<float>(single), define<double>(twice);
    translate_refusals();
    define_whole<float>(single), define_whole<double>(twice);
    define_streams<float>(single, kernels_in_use<float>, kernels_in_use<double>);
    define_streams<double>(twice, kernels_in_use<double>, kernels_in_use<double>);
}
