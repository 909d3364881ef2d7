// A fixed set of threads that share the items of one loop after another.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace slsc {

class ThreadPool {
public:
    // `threads` >= 1, the caller of `run` counted.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return int(workers_.size()) + 1; }

    // Calls body(item, worker) once for every item in [0, items), worker in [0, threads()); returns when all are done.
    // Items go to whichever thread is free. `body` must not throw. One `run` at a time.
    template <typename Body>
    void run(int items, Body&& body) {
        using Plain = std::remove_reference_t<Body>;
        run_loop({[](void* b, int item, int worker) { (*static_cast<Plain*>(b))(item, worker); }, &body, items});
    }

private:
    struct Loop {
        void (*call)(void* body, int item, int worker) = nullptr;
        void* body = nullptr;
        int items = 0;
    };

    void run_loop(Loop loop);
    void take_items(int worker);
    void work(int worker);
    void stop();

    std::vector<std::thread> workers_;
    // Written only while no item is out: whoever holds an item may read it.
    Loop loop_;
    std::atomic<int> waiting_{0};  // items nobody has taken
    std::atomic<int> undone_{0};   // items not finished
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable begun_, finished_;
};

}  // namespace slsc
