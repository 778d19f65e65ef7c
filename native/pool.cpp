// How the threads of pool.hpp are started, handed their parts, and awaited.
//
// Each thread has a slot, and all that two threads say to each other is one atomic word in it:
//
//     idle ──owner──▶ offered ──thread──▶ taken ──thread──▶ idle
//       │ thread         │ owner            │ owner            ▲ thread, who wakes the owner
//       ▼                ▼                  ▼                  │
//     asleep           idle               awaited ─────────────┘
//       └──owner, who wakes the thread──▶ offered
//
// The owner is the caller that has the pool. It takes back what nobody has begun, and so never waits for a
// thread that has no core. Memory order: the owner writes the job, then `offered` (release); the thread takes
// it (acquire), and so sees the job and all that the caller wrote before. The thread ends with `idle`
// (release); the owner reads that, or the `asleep` that follows (acquire), and so sees what the part wrote,
// and may write the next job. From owner to owner the same holds through `owned`. Each change is one
// read-modify-write of one word, so that no order between two words is ever needed.

#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__) || defined(_M_IX86)
#include <immintrin.h>
#define ELMAN_PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define ELMAN_PAUSE() __asm__ volatile("isb")  // `yield` does nothing on most of them
#else
#define ELMAN_PAUSE() (void)0
#endif

namespace elman {
namespace {

// How long a thread looks for its next part, and a caller for the end of one, before it sleeps: longer than what
// Python does between two calls of a training. Who sleeps is often not back before the caller has done his part.
constexpr auto SPIN = std::chrono::microseconds(1000);
constexpr int LOOKS = 64;       // between two looks at the clock: 1 to 3 µs
constexpr int PATIENCE = 1000;  // runs before the system is asked again for a thread that it refused

// Every stride-th part, from the first on.
struct Job {
    void (*work)(void*, int, int);
    void* context;
    int workers, first, stride;

    void run() const {
        for (int worker = first; worker < workers; worker += stride) {
            work(context, worker, workers);
        }
    }
};

enum class State { idle, asleep, offered, taken, awaited };

// 128 bytes: the line of some processors, and what others fetch together.
struct alignas(128) Slot {
    std::atomic<State> state{State::idle};
    Job job{};
    std::mutex mutex;
    std::condition_variable changed;

    // Also a failure acquires: the owner may learn by it that a part is done.
    bool change(State from, State to) {
        return state.compare_exchange_strong(from, to, std::memory_order_acq_rel);
    }

    // Returns when the state is no longer `now`: looks for a while, then says so by `asleep`, and sleeps.
    void leave(State now, State asleep) {
        using Clock = std::chrono::steady_clock;
        auto end = Clock::time_point::max();
        do {
            for (int look = 0; look < LOOKS; ++look) {
                if (state.load(std::memory_order_acquire) != now) {
                    return;
                }
                ELMAN_PAUSE();
            }
            std::this_thread::yield();  // who is awaited may be waiting for this very core
            end = std::min(end, Clock::now() + SPIN);
        } while (Clock::now() < end);
        std::unique_lock<std::mutex> lock(mutex);
        if (change(now, asleep)) {
            changed.wait(lock, [&] { return state.load(std::memory_order_acquire) != asleep; });
        }
    }

    // The sleeper wrote its state under the mutex: once that is free, it waits, and the call reaches it.
    // Only one of the two ever sleeps: the thread without a part, or the owner while the thread has one.
    void wake() {
        { const std::lock_guard<std::mutex> lock(mutex); }
        changed.notify_one();
    }

    void offer(const Job& next) {
        job = next;
        if (state.exchange(State::offered, std::memory_order_release) == State::asleep) {
            wake();
        }
    }

    // What a thread does all its life.
    void serve() {
        for (;;) {
            leave(State::idle, State::asleep);
            if (!change(State::offered, State::taken)) {
                continue;  // the owner took it back
            }
            job.run();
            if (state.exchange(State::idle, std::memory_order_release) == State::awaited) {
                wake();
            }
        }
    }
};

// How many cores the calling thread may use; the threads that it starts inherit them.
int count_cores() {
#if defined(ELMAN_POOL_CORES)  // for tests: more threads than this machine has cores
    return ELMAN_POOL_CORES;
#else
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {  // fails beyond 1024 cores
        return CPU_COUNT(&set);
    }
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
}

// Starts a thread that leaves the signals of the process to other threads, all but its own faults.
void start(Slot* slot) {
#if !defined(_WIN32)
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
        sigdelset(&blocked, fault);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    struct Restore {
        const sigset_t& mask;
        ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } const restore{before};
#endif
    std::thread(&Slot::serve, slot).detach();
}

struct Pool {
    std::atomic<bool> owned{false};
    std::vector<std::unique_ptr<Slot>> slots;
    int cores = 0;
    int patience = 0;

    Slot& slot_of(int thread) { return *slots[static_cast<std::size_t>(thread - 1)]; }

    // Returns how many threads there are beside the caller, after starting those that are missing.
    int helpers(int workers) {
        if (workers > cores) {
            cores = count_cores();
        }
        const auto wanted = static_cast<std::size_t>(std::min(workers, cores) - 1);
        if (slots.size() < wanted && --patience < 0) {
            try {
                slots.reserve(wanted);
                while (slots.size() < wanted) {
                    auto slot = std::make_unique<Slot>();
                    start(slot.get());
                    slots.push_back(std::move(slot));
                }
            } catch (const std::exception&) {  // the system has no thread or no memory to give
                patience = PATIENCE;
            }
        }
        return static_cast<int>(std::min(slots.size(), wanted));
    }

    void run(Job job) {
        const int threads = helpers(job.workers);
        job.stride = threads + 1;
        for (job.first = 1; job.first <= threads; ++job.first) {
            slot_of(job.first).offer(job);
        }
        job.first = 0;
        job.run();
        for (job.first = 1; job.first <= threads; ++job.first) {
            if (slot_of(job.first).change(State::offered, State::idle)) {
                job.run();
            }
        }
        for (int thread = 1; thread <= threads; ++thread) {
            slot_of(thread).leave(State::taken, State::awaited);
        }
    }
};

// Never destroyed: at the end of the process threads may still sleep in it, or be at work.
std::atomic<Pool*> current{nullptr};

// A child has none of the threads, and a lock may be held by one of them for ever: it forgets the whole pool.
// Registered when the library is loaded, before any run; where that fails there are no threads.
#if defined(_WIN32)
constexpr bool forks_safely = true;
#else
const bool forks_safely =
    pthread_atfork(nullptr, nullptr, [] { current.store(nullptr, std::memory_order_relaxed); }) == 0;
#endif

// Returns the pool if it is free, now owned by the caller; else null. Does not wait.
Pool* claim() {
    Pool* pool = current.load(std::memory_order_acquire);
    if (pool == nullptr && forks_safely) {
        std::unique_ptr<Pool> fresh(new (std::nothrow) Pool);
        if (current.compare_exchange_strong(pool, fresh.get(), std::memory_order_acq_rel)) {
            pool = fresh.release();
        }
    }
    const bool free = pool != nullptr && !pool->owned.exchange(true, std::memory_order_acquire);
    return free ? pool : nullptr;
}

}  // namespace

void run_on(int workers, void (*work)(void* context, int worker, int workers), void* context) {
    const Job all{work, context, workers, 0, 1};
    Pool* pool = workers > 1 ? claim() : nullptr;
    if (pool == nullptr) {
        all.run();
        return;
    }
    pool->run(all);
    pool->owned.store(false, std::memory_order_release);
}

}  // namespace elman
