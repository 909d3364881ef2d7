// What engines share: threads, and the memory that values and kernels use while an image is run. Its engines take turns.
#pragma once

#include <mutex>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "memory/memory.hpp"
#include "support/thread_pool.hpp"

namespace slsc {

class Context {
public:
    explicit Context(int threads) : threads_(threads) {}

    // Whether this is a copy in a process that was forked from its own. The threads are not there, and what others of them had
    // locked stays so: it can neither be used nor taken down.
    bool forked() const { return process_ != this_process(); }

    ThreadPool& threads() { return threads_; }
    int thread_count() const { return threads_.threads(); }

    // One holds all of the below at a time.
    std::mutex& turn() { return turn_; }
    Memory& arena() { return arena_; }
    Memory& scratch() { return scratch_; }

private:
    static long this_process() {
#ifdef _WIN32
        return 0;
#else
        return long(getpid());
#endif
    }

    const long process_ = this_process();
    ThreadPool threads_;
    std::mutex turn_;
    Memory arena_, scratch_;
};

}  // namespace slsc
