// The streams of elman._native, as src/elman/stepping.py uses them: every array is checked before it is read.
#include "streaming.hpp"

#include "generate.hpp"
#include "step.hpp"

namespace nb = nanobind;

namespace elman {
namespace {

void raise(const char* type, const char* text) {
    const nb::object error = nb::module_::import_("elman.errors").attr(type);
    PyErr_SetString(error.ptr(), text);
}

// The method `step`, without what nanobind does around a call.
template <class T> PyObject* step(PyObject* self, PyObject* x) {
    try {
        return nb::inst_ptr<Stream<T>>(nb::handle(self))->step(x);
    } catch (nb::python_error& error) {
        error.restore();
    } catch (const Refused& refused) {
        raise(refused.type, refused.text.c_str());
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_ValueError, error.what());
    }
    return nullptr;
}

Index length_of(nb::handle array) {
    const Py_ssize_t length = PyObject_Length(array.ptr());
    if (length < 0) throw nb::python_error();
    return length;
}

const Index* places(Views& views, nb::handle array, Index* count) {
    const Index* rows = views.in<Index>(array, *count = length_of(array), "rows");
    if (!rows) throw std::invalid_argument("rows are absent");
    return rows;
}

void check_size(Index steps, Index rows, Index widest) {
    if (steps < 0) throw std::invalid_argument("a size is out of range");
    hold_together({steps, rows, widest});
}

// read: rows "N", symbols "T N" or None, features "T N I" or None, outputs "T N Y" or None.
template <class T> void advance(Stream<T>& stream, Index steps, const nb::tuple& read) {
    expect(read, 4, "read");
    Views views;
    Reading<T> c{steps, 0, nullptr, nullptr, nullptr, nullptr};
    c.places = places(views, read[0], &c.rows);
    check_size(steps, c.rows, std::max(stream.net.inputs, stream.net.outputs));
    const Index all = steps * c.rows, I = read[1].is_none() ? stream.net.inputs : stream.net.beside;
    c.symbols = symbols_in(views, read[1], all, stream.net.inputs, "symbols");
    c.features = I ? views.in<T>(read[2], all * I, "features") : nullptr;
    c.outputs = views.out<T>(read[3], all * stream.net.outputs, "outputs");
    if ((!c.symbols && stream.net.dense()) || !c.features != !I)
        throw std::invalid_argument("symbols or features are absent");
    stream.advance(c);
}

Index integer(nb::handle number) {  // the nearest that there is
    int overflow;
    const nb::int_ whole(number);
    const long long value = PyLong_AsLongLongAndOverflow(whole.ptr(), &overflow);
    return overflow > 0 ? std::numeric_limits<Index>::max() : overflow < 0 ? -1 : value;
}

// Of an elman.drawing.Weighing.
Weighing read_weighing(nb::handle given, Index symbols) {
    Weighing w;
    w.temperature = nb::cast<double>(nb::float_(given.attr("temperature")));
    const nb::object top_k = given.attr("top_k"), top_p = given.attr("top_p");
    const nb::object fresh = given.attr("fresh_after");
    if (!top_k.is_none()) w.top_k = integer(top_k);
    if (!top_p.is_none()) w.top_p = nb::cast<double>(nb::float_(top_p));
    if (!fresh.is_none()) w.fresh_after = integer(fresh);
    for (nb::handle symbol : given.attr("banned")) w.banned.push_back(integer(symbol));
    for (const Index symbol : w.banned)
        if (symbol < 0 || symbol >= symbols) throw std::invalid_argument("banned holds what is no symbol");
    if (!(w.temperature >= 0) || !(w.top_p >= 0) || w.top_k < 1 || Index(w.banned.size()) >= symbols)
        throw std::invalid_argument("nothing is left to be drawn");
    return w;
}

// sampled: rows "N", the symbol before "N", chances "N L", drawn "N L".
template <class T>
Index generate(Stream<T>& stream, const Kernels<double>& kernels, const nb::tuple& sampled, nb::handle weighing,
               Index length) {
    expect(sampled, 4, "sampled");
    const Index symbols = stream.net.outputs;
    if (stream.net.beside || stream.net.inputs != symbols)
        throw std::invalid_argument("the network cannot feed itself");
    Views views;
    Samples s{0, length, nullptr, nullptr, nullptr, nullptr};
    s.places = places(views, sampled[0], &s.rows);
    check_size(length, s.rows, 1);
    s.last = views.out<Index>(sampled[1], s.rows, "last");
    symbols_in(views, sampled[1], s.rows, symbols, "last");
    s.chances = views.in<double>(sampled[2], s.rows * length, "chances");
    s.drawn = views.out<Index>(sampled[3], s.rows * length, "drawn");
    if (!s.last || !s.chances || !s.drawn) throw std::invalid_argument("an array that is needed is None");
    for (Index n = 0; n < s.rows * length; n++)
        if (!(s.chances[n] >= 0 && s.chances[n] < 1)) throw std::invalid_argument("a chance is out of range");
    return generate(stream, kernels, s, read_weighing(weighing, symbols));
}

template <class T> void define_rows(nb::class_<Stream<T>>& stream) {
    stream.def("resize", &Stream<T>::resize);
    stream.def("values", &Stream<T>::values);
    const auto put = [](Stream<T>& self, nb::handle rows, nb::handle values) {
        Views views;
        Index count;
        const Index* which = places(views, rows, &count);
        self.put(which, count, views.in<T>(values, self.net.numbers(), "values"));
    };
    stream.def("put", put, nb::arg("rows"), nb::arg("values").none());
}

}  // namespace

template <class T>
void define_streams(nb::module_& m, const Kernels<T>& (*kernels)(), const Kernels<double>& (*doubles)()) {
    static PyMethodDef methods[] = {{"step", step<T>, METH_O, "Read one x."}, {nullptr, nullptr, 0, nullptr}};
    static PyType_Slot slots[] = {{Py_tp_methods, methods}, {0, nullptr}};
    nb::class_<Stream<T>> stream(m, "Stream", nb::type_slots(slots));
    stream.def("__init__", [kernels](Stream<T>* self, nb::handle flat, nb::tuple sizes, nb::tuple layers,
                                     nb::tuple outlet, double zoneout, int storage, int threads, bool many) {
        new (self) Stream<T>(kernels(), Given{flat, sizes, layers, outlet, zoneout, storage, threads}, many);
    });
    stream.def("attach", &Stream<T>::attach);
    stream.def("advance", &advance<T>);
    stream.def("generate", [doubles](Stream<T>& self, nb::tuple sampled, nb::handle weighing, Index length) {
        return generate<T>(self, doubles(), sampled, weighing, length);
    });
    define_rows(stream);
}

template void define_streams<float>(nb::module_&, const Kernels<float>& (*)(), const Kernels<double>& (*)());
template void define_streams<double>(nb::module_&, const Kernels<double>& (*)(), const Kernels<double>& (*)());

void translate_refusals() {
    nb::register_exception_translator([](const std::exception_ptr& error, void*) {
        try {
            std::rethrow_exception(error);
        } catch (const Refused& refused) {
            raise(refused.type, refused.text.c_str());
        }
    });
}

}  // namespace elman
