// Checks of the threads, `pool_test`; with what a run costs, alone and beside a program that takes a core,
// `pool_test costs`. POSIX, and Linux for the number of threads.
//
// Compiled with -DELMAN_POOL_CORES=8 (pool.cpp, too) there are more threads than most machines have cores.

#include "../pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#undef NDEBUG  // the checks are assertions
#include <cassert>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

#if defined(__SANITIZE_THREAD__)
constexpr char SANITIZER = 't';
#elif defined(__SANITIZE_ADDRESS__)
constexpr char SANITIZER = 'a';
#else
constexpr char SANITIZER = 0;
#endif

constexpr int MOST = 8;
constexpr unsigned SECONDS = 300;  // what hangs is ended: a failure

int cores() {
#if defined(ELMAN_POOL_CORES)
    return ELMAN_POOL_CORES;
#else
    cpu_set_t set;
    assert(sched_getaffinity(0, sizeof set, &set) == 0);
    return CPU_COUNT(&set);
#endif
}

int threads_of_process() {
    std::ifstream status("/proc/self/status");
    for (std::string word; word != "Threads:";) {
        assert(status >> word);
    }
    int threads = 0;
    assert(status >> threads);
    return threads;
}

void spin(microseconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end;) {}
}

// Plain memory goes to the parts and comes back; each part runs once, and no other. One of them may be slow.
void many_runs(int runs, microseconds slow = microseconds(0)) {
    long given[MOST] = {}, got[MOST] = {}, expected[MOST] = {};
    for (int run = 0; run < runs; ++run) {
        const int workers = 1 + run % MOST;
        for (int worker = 0; worker < workers; ++worker) {
            given[worker] = run + worker;
            expected[worker] += workers * given[worker];
        }
        elman::parallel(workers, [&](int worker, int count) {
            got[worker] += count * given[worker];
            spin(worker == run % 3 ? slow : microseconds(0));
        });
        assert(std::equal(got, got + MOST, expected));
    }
}

// Runs until part 1 has been on another thread, waiting a millisecond each time. That thread gets no signals,
// sleeps before, and then is so slow that the caller sleeps.
bool another_thread_helps() {
    std::this_thread::sleep_for(milliseconds(2));
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> helped{false};
    bool done = false;
    for (const auto end = Clock::now() + std::chrono::seconds(30); !helped && Clock::now() < end;) {
        elman::parallel(2, [&](int worker, int) {
            if (worker == 0) {
                for (const auto late = Clock::now() + milliseconds(1); !helped && Clock::now() < late;) {
                    std::this_thread::yield();
                }
            } else if (std::this_thread::get_id() != caller) {
                sigset_t blocked;
                assert(pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
                assert(sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGSEGV) == 0);
                helped = true;
                spin(milliseconds(5));
                done = true;
            }
        });
    }
    return done;
}

void right_with_threads() {
    many_runs(200);
    assert(cores() == 1 || another_thread_helps());
}

// Does `work` in a child of this process, which must end by exit code 0, in time.
template <class F>
void in_child(const F& work) {
    if (SANITIZER == 'a') {  // a thread that is just beginning may hold a lock of the sanitizer for ever
        std::this_thread::sleep_for(milliseconds(50));
    }
    const pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        work();
        _exit(0);
    }
    int status = -1;
    assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// The pool is not torn down: threads may spin, sleep or be at work when the process ends.
void check_ends() {
    for (const int pause : {0, 20}) {
        in_child([&] {
            right_with_threads();
            std::this_thread::sleep_for(milliseconds(pause));
            std::exit(0);
        });
    }
    in_child([] {
        std::thread([] { many_runs(1 << 30); }).detach();
        right_with_threads();
        std::exit(0);
    });
}

void check_starts() {
    const int before = threads_of_process(), added = SANITIZER == 't';  // its own, with our first
    many_runs(1);
    assert(threads_of_process() == before);
    if (cores() > 1) {
        elman::parallel(2, [](int, int) {});
        assert(threads_of_process() == before + 1 + added);
        many_runs(MOST);
        assert(threads_of_process() == before + std::min(MOST, cores()) - 1 + added);
    }
}

void check_callers() {
    std::thread callers[4];
    for (auto& caller : callers) {
        caller = std::thread([] { many_runs(20000); });
    }
    for (auto& caller : callers) {
        caller.join();
    }
    std::atomic<int> inner{0};
    elman::parallel(4, [&](int, int) { elman::parallel(3, [&](int, int) { ++inner; }); });
    assert(inner == 12);
}

// The sanitizer of threads does not know threads that are started after a fork from several.
void check_forks() {
    in_child(right_with_threads);
    in_child([] {
        right_with_threads();
        in_child(right_with_threads);
        std::thread([] { many_runs(1 << 30); }).detach();
        for (int child = 0; child < 100; ++child) {
            in_child(right_with_threads);
        }
    });
}

// Without memory for their stacks no thread starts. Only before any has: the system keeps stacks for reuse.
void check_no_threads() {
    in_child([] {
        const int before = threads_of_process();
        rlimit limit{1 << 20, 1 << 20};
        assert(setrlimit(RLIMIT_AS, &limit) == 0);
        many_runs(5000);
        assert(threads_of_process() == before);
    });
}

// Threads without work sleep: the process uses next to no time of a core.
void check_idle() {
    many_runs(1000);
    std::this_thread::sleep_for(milliseconds(50));
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(milliseconds(300));
    assert(std::clock() - before < CLOCKS_PER_SEC / 50);
}

// Microseconds that a run takes beside the time of one part: median and 99th percentile.
void print_costs() {
    for (int row = 0; row < 27; ++row) {
        const int times[] = {0, 20, 200}, workers = 1 << row / 9;
        const microseconds part(times[row / 3 % 3]), pause(times[row % 3]);
        std::vector<double> costs;
        for (int run = 0; run < 1000; ++run) {
            spin(pause);
            const auto start = Clock::now();
            elman::parallel(workers, [&](int, int) { spin(part); });
            costs.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start - part).count());
        }
        std::sort(costs.begin(), costs.end());
        std::printf("%d workers, parts of %3d µs, %3d µs between runs: median %7.2f, 99 %% below %8.2f µs\n",
                    workers, times[row / 3 % 3], times[row % 3], costs[500], costs[990]);
    }
}

}  // namespace

int main(int count, char** arguments) {
    alarm(SECONDS);
    if (SANITIZER == 0) {  // they need the address space for themselves
        check_no_threads();
    }
    check_ends();
    check_starts();
    many_runs(100000);
    many_runs(1000, microseconds(200));  // longer than anybody looks: threads and callers sleep
    check_callers();
    if (SANITIZER != 't') {
        check_forks();
    }
    check_idle();
    std::printf("the pool is right, with %d cores\n", cores());
    if (count > 1 && arguments[1] == std::string("costs")) {
        print_costs();
        std::printf("beside a program that takes a core:\n");
        std::thread other([] { in_child([] { spin(std::chrono::seconds(10)); }); });
        print_costs();
        other.join();
    }
}
