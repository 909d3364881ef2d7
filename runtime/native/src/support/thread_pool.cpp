#include "support/thread_pool.hpp"

namespace slsc {
namespace {

// Operations follow one another within microseconds, a sleeping thread takes tens of them to wake.
constexpr int kSpins = 4000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <typename Done>
bool spin_until(Done done) {
    for (int i = 0; i < kSpins; ++i) {
        if (done()) return true;
        relax();
    }
    return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
    try {
        for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
    } catch (...) {  // the system gives no more threads
        stop();
        throw;
    }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    begun_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_loop(Loop loop) {
    if (workers_.empty() || loop.items < 2) {
        for (int item = 0; item < loop.items; ++item) loop.call(loop.body, item, 0);
        return;
    }
    loop_ = loop;
    undone_.store(loop.items, std::memory_order_relaxed);
    {
        std::lock_guard<std::mutex> lock(mutex_);  // or a worker about to sleep misses it
        waiting_.store(loop.items, std::memory_order_release);
    }
    begun_.notify_all();
    take_items(0);
    const auto done = [this] { return undone_.load(std::memory_order_acquire) == 0; };
    if (spin_until(done)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, done);
}

// A worker that comes late finds no item waiting and holds nobody up.
void ThreadPool::take_items(int worker) {
    int waiting = waiting_.load(std::memory_order_relaxed);
    while (waiting > 0) {
        if (!waiting_.compare_exchange_weak(waiting, waiting - 1, std::memory_order_acq_rel)) continue;
        loop_.call(loop_.body, loop_.items - waiting, worker);
        if (undone_.fetch_sub(1, std::memory_order_acq_rel) == 1 && worker != 0) {
            std::lock_guard<std::mutex> lock(mutex_);
            finished_.notify_one();
        }
        waiting = waiting_.load(std::memory_order_relaxed);
    }
}

void ThreadPool::work(int worker) {
    const auto called = [this] { return waiting_.load(std::memory_order_acquire) > 0 || stopping_; };
    while (!stopping_) {
        if (!spin_until(called)) {
            std::unique_lock<std::mutex> lock(mutex_);
            begun_.wait(lock, called);
        }
        take_items(worker);
    }
}

}  // namespace slsc
