// What engines share: threads, and the memory that values and kernels use while an image is run. Its engines take turns.
#pragma once

#include <mutex>

#include "memory/memory.hpp"
#include "support/thread_pool.hpp"

namespace slsc {

class Context {
public:
    explicit Context(int threads) : threads_(threads) {}

    ThreadPool& threads() { return threads_; }
    int thread_count() const { return threads_.threads(); }

    // One holds all of the below at a time.
    std::mutex& turn() { return turn_; }
    Memory& arena() { return arena_; }
    Memory& scratch() { return scratch_; }

private:
    ThreadPool threads_;
    std::mutex turn_;
    Memory arena_, scratch_;
};

}  // namespace slsc
