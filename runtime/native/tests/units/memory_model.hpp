// The arena as a schedule uses it, with the name of what lies there instead of numbers.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "schedule/schedule.hpp"

// Runs a schedule: every read must find what the network's definition says it reads, at the place the kernel would look.
class MemoryModel {
public:
    explicit MemoryModel(const slsc::Schedule& schedule);

    void run();

private:
    using Name = std::tuple<int, int, int>;  // value, channel, column: rows lie apart in the same way

    void enter(const slsc::Step& step);
    void leave(const slsc::Step& step, int left) const;
    void slide(const slsc::Slide& slide);
    void step(const slsc::Step& step, int& copied);
    void read(const slsc::Op& op, int input, const slsc::NodeStep& at);
    void write(const slsc::Op& op, const slsc::NodeStep& at);
    void copy(const slsc::Copy& copy, bool keep);
    int64_t address(int value, int channel, int column, int first) const;
    int64_t kept_address(const slsc::Copy& copy, int channel, int column) const;

    const slsc::Schedule& schedule_;
    std::map<int64_t, Name> held_;  // by address
};
