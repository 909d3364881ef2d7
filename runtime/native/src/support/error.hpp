// The one error of the engine; api/ turns it into a status.
#pragma once

#include <stdexcept>
#include <string>

#include "slsc/native.h"

namespace slsc {

class Error : public std::runtime_error {
public:
    Error(slsc_status status, const std::string& why) : std::runtime_error(why), status_(status) {}
    slsc_status status() const { return status_; }

private:
    slsc_status status_;
};

inline void require(bool good, slsc_status status, const std::string& why) {
    if (!good) throw Error(status, why);
}

}  // namespace slsc
