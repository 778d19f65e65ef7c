// Memory that a thread keeps from call to call, so that a call of a size that was there before allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace elman {

class Arena {
public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() { std::free(block); }

    // Room for `count` numbers, 64-byte aligned; what it held before is lost. Throws std::bad_alloc.
    template <class T> T* room(std::int64_t count) {
        if (count < 0 || std::uint64_t(count) > (SIZE_MAX / 2) / sizeof(T)) throw std::bad_alloc();
        const std::size_t bytes = (std::size_t(count) * sizeof(T) + 127) / 64 * 64;
        if (bytes > held) {
            std::free(block);
            held = 0;
            block = std::malloc(bytes + 64);
            if (!block) throw std::bad_alloc();
            held = bytes;
        }
        return reinterpret_cast<T*>((reinterpret_cast<std::uintptr_t>(block) + 63) / 64 * 64);
    }

private:
    void* block = nullptr;
    std::size_t held = 0;
};

}  // namespace elman
