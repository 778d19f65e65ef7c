// Threads for the compiled engine: one function, run in parts by several threads.
//
// A computation in parallel is a sequence of such runs; a part never waits for another part, so that one
// thread may run several of them, one after the other. Which thread runs which part must not matter.
// No header of the standard library is included, so that code for one instruction set may include this.

#pragma once

namespace elman {

// Calls work(context, worker, workers) once for each worker from 0 to workers - 1, and returns when all calls
// have returned; what they wrote is then visible to the caller. `work` does not throw.
//
// Threads are started at the first run with two workers or more; they are never more than cores. Part 0 runs
// on the calling thread, and so does each part whose thread does not come in time: none could be started, or
// it has no core. Any thread may call, also from inside `work`: while one caller has the threads, the others
// run their parts alone. A process made by fork starts threads of its own.
void run_on(int workers, void (*work)(void* context, int worker, int workers), void* context);

// The same for anything that can be called as body(worker, workers), from several threads at once.
template <class F>
void parallel(int workers, const F& body) {
    run_on(
        workers,
        [](void* context, int worker, int count) { (*static_cast<const F*>(context))(worker, count); },
        const_cast<F*>(&body));
}

}  // namespace elman
