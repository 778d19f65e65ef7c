// Arrays of Python as pointers: element type, order in memory and number of elements are checked at the door.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels.hpp"

namespace elman {

template <class T> constexpr const char* formats = "";
template <> inline constexpr const char* formats<float> = "f";
template <> inline constexpr const char* formats<double> = "d";
template <> inline constexpr const char* formats<std::int32_t> = "il";
template <> inline constexpr const char* formats<Index> = "lq";
template <> inline constexpr const char* formats<std::uint8_t> = "?B";
template <> inline constexpr const char* formats<std::int8_t> = "b";
template <> inline constexpr const char* formats<std::uint16_t> = "H";

constexpr bool LITTLE_ENDIAN_HERE =
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    false;
#else
    true;
#endif

// What kind of elements a buffer has, if they lie as this machine's do.
inline const char* format_of(const Py_buffer& view) {
    const char* format = view.format ? view.format : "B";
    return format + (format[0] == '@' || format[0] == '=' || (format[0] == '<' && LITTLE_ENDIAN_HERE));
}

// The views of one call; they are given back when it ends.
class Views {
public:
    Views() = default;
    Views(const Views&) = delete;
    Views& operator=(const Views&) = delete;
    ~Views() {
        while (count) PyBuffer_Release(&views[--count]);
    }

    template <class T> const T* in(nanobind::handle array, Index count, const char* name) {
        return static_cast<const T*>(take(array, count, name, false, sizeof(T), formats<T>));
    }

    template <class T> T* out(nanobind::handle array, Index count, const char* name) {
        return static_cast<T*>(take(array, count, name, true, sizeof(T), formats<T>));
    }

private:
    void* take(nanobind::handle array, Index wanted, const char* name, bool writable, std::size_t size,
               const char* types) {
        if (array.is_none()) return nullptr;
        if (count == MOST) throw std::logic_error("more arrays than a call has");
        const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(array.ptr(), &views[count], flags) != 0) {
            PyErr_Clear();
            throw std::invalid_argument(std::string(name) + " is no contiguous " + (writable ? "writable " : "") +
                                        "array; numpy.ascontiguousarray makes one");
        }
        const Py_buffer& view = views[count++];
        const char* format = format_of(view);
        const bool fits = format[0] && !format[1] && std::string(types).find(format[0]) != std::string::npos;
        if (!fits || std::size_t(view.itemsize) != size)
            throw std::invalid_argument(std::string(name) + " has elements of type '" + format + "'; expected '" +
                                        types + "'");
        if (view.len && reinterpret_cast<std::uintptr_t>(view.buf) % size)
            throw std::invalid_argument(std::string(name) + " is not aligned; numpy.copy makes one that is");
        if (view.len / Index(size) != wanted)
            throw std::invalid_argument(std::string(name) + " has " + std::to_string(view.len / Index(size)) +
                                        " elements; expected " + std::to_string(wanted));
        return view.buf;
    }

    static constexpr int MOST = 48;
    Py_buffer views[MOST];
    int count = 0;
};

}  // namespace elman
