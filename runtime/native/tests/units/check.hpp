// Checks of the unit tests: the first that fails ends the program, with what was wrong and where.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

inline void fail(const char* file, int line, const std::string& why) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, why.c_str());
    std::exit(1);
}

#define CHECK(condition) \
    if (!(condition)) fail(__FILE__, __LINE__, "not so: " #condition)

#define CHECK_SAID(condition, what) \
    if (!(condition)) fail(__FILE__, __LINE__, std::string("not so: " #condition ", ") + (what))
