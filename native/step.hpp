// One step of one stream, called from Python: the call leads to the kernels without a frame or memory of Python's.
#pragma once

#include "stream.hpp"

namespace elman {

// What a step reads and gives. The arrays belong to the stream; users get views that they cannot write to.
template <class T> struct Desk {
    nanobind::object door;   // reads what `plain` does not: x → (symbol or None, features or None)
    nanobind::object shown;  // the view that `step` returns
    Views views;
    T *y = nullptr, *o = nullptr;  // "Y" each: y and what the head shows; the same if it shows y itself
};

template <class T> class Stream : public Handle<T> {
public:
    using Handle<T>::Handle, Handle<T>::net;

    void attach(nanobind::object door, nanobind::object shown, nanobind::handle y, nanobind::handle o) {
        desk.y = desk.views.template out<T>(y, net.outputs, "y");
        desk.o = desk.views.template out<T>(o, net.outputs, "o");
        if (!desk.y || !desk.o) throw std::invalid_argument("an array that is needed is None");
        desk.door = std::move(door), desk.shown = std::move(shown);
        this->resize(1);
    }

    PyObject* step(PyObject* x) {
        if (!desk.o) throw std::invalid_argument("the stream has no arrays yet");
        Read read;
        if (!plain(x, read)) read_at_door(x, read);
        this->check_free(), this->check(net.unchanged_here());
        net.prepare(read.symbol < 0);
        Block<T>& block = *this->blocks[0];
        {
            const Denormals flushed;
            block.put(0, read.symbol, read.features.pointer);
            block.enter(this->row(0), 0, 1), block.run(1, 1);
            block.go_on(1, 1), block.leave(this->row(0), 0, 1);
            block.outputs(0, 1, 1, desk.y);
            if (desk.o != desk.y) block.show(desk.y, desk.o, 1);
        }
        Py_INCREF(desk.shown.ptr());
        return desk.shown.ptr();
    }

private:
    struct Vector {
        Py_buffer view{};
        const T* pointer = nullptr;

        ~Vector() { release(); }

        void release() {
            if (view.obj) PyBuffer_Release(&view);
            pointer = nullptr;
        }
    };

    struct Read {
        Index symbol = -1;
        Vector features;
    };

    Index vectors() const { return net.beside ? net.beside : net.embedded ? 0 : net.inputs; }

    // What most steps read: an int, a contiguous vector, or a pair of them. False: something else, or wrong.
    bool plain(PyObject* x, Read& read) const {
        if (!net.beside) return PyLong_CheckExact(x) ? symbol(x, read) : vector(x, read);
        if (!PyTuple_CheckExact(x) || PyTuple_GET_SIZE(x) != 2) return false;
        PyObject *number = PyTuple_GET_ITEM(x, 0), *features = PyTuple_GET_ITEM(x, 1);
        return PyLong_CheckExact(number) && symbol(number, read) && vector(features, read);
    }

    bool symbol(PyObject* x, Read& read) const {
        int overflow;
        read.symbol = PyLong_AsLongLongAndOverflow(x, &overflow);
        return !overflow && read.symbol >= 0 && read.symbol < net.inputs;
    }

    // A vector of numbers, or a symbol that is a scalar of NumPy.
    bool vector(PyObject* x, Read& read) const {
        read.features.release();
        Py_buffer& view = read.features.view;
        if (PyObject_GetBuffer(x, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
            PyErr_Clear();
            return false;
        }
        const char* format = format_of(view);
        const bool wide = view.ndim == 1 && vectors() && view.shape[0] == vectors();
        const bool aligned = reinterpret_cast<std::uintptr_t>(view.buf) % sizeof(T) == 0;
        if (wide && aligned && format[0] == formats<T>[0] && !format[1]) {
            read.features.pointer = static_cast<const T*>(view.buf);
            return true;
        }
        if (view.ndim || net.beside || format[1] || !std::strchr("bBhHiIlLqQ", format[0])) return false;
        const nanobind::object number = nanobind::steal(PyNumber_Index(x));
        if (!number.ptr()) PyErr_Clear();
        return number.ptr() && symbol(number.ptr(), read);
    }

    void read_at_door(PyObject* x, Read& read) {
        const nanobind::object parts = desk.door(nanobind::handle(x));
        const nanobind::object number = parts[0], features = parts[1];
        read.features.release(), read.symbol = -1;
        const bool fit = (number.is_none() || symbol(number.ptr(), read)) &&
                         (features.is_none() || vector(features.ptr(), read));
        const bool complete = net.dense() ? read.symbol >= 0 : read.symbol >= 0 || read.features.pointer;
        if (!fit || !complete || (net.beside && !read.features.pointer))
            throw std::invalid_argument("the door let something wrong in");
    }

    Desk<T> desk;
};

}  // namespace elman
