// Exceptions as statuses, for the C interface.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "support/error.hpp"

namespace slsc {

// Runs body(); what it throws becomes a status, and its reason `error`.
template <typename Body>
slsc_status status_of(std::string& error, Body body) {
    try {
        body();
        return SLSC_OK;
    } catch (const Error& why) {
        error = why.what();
        return why.status();
    } catch (const std::bad_alloc&) {
        error = "out of memory";
        return SLSC_NO_MEMORY;
    } catch (const std::exception& why) {
        error = why.what();
        return SLSC_BAD_ARGUMENT;
    }
}

}  // namespace slsc
