// One fault for each sanitizer; nox -s sanitize sees that it is noticed.
#include <climits>
#include <thread>

extern "C" int address() {
    int* volatile gone = new int(1);
    delete gone;
    return *gone;
}

extern "C" int undefined() {
    volatile int largest = INT_MAX;
    return largest + 1;
}

extern "C" int thread() {
    static int shared = 0;
    auto count = [] {
        for (int i = 0; i < 1000; ++i) ++shared;
    };
    std::thread other(count);
    count();
    other.join();
    return shared;
}
