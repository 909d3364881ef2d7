#include "bundle/fault.hpp"

namespace slsc {

const char* word(Fault fault) {
    switch (fault) {
        case Fault::unreadable: return "unreadable";
        case Fault::not_a_bundle: return "not_a_bundle";
        case Fault::truncated: return "truncated";
        case Fault::older_schema: return "older_schema";
        case Fault::newer_schema: return "newer_schema";
        case Fault::bad_manifest: return "bad_manifest";
        case Fault::missing_entry: return "missing_entry";
        case Fault::unexpected_entry: return "unexpected_entry";
        case Fault::duplicate_entry: return "duplicate_entry";
        case Fault::changed_entry: return "changed_entry";
        case Fault::compressed_entry: return "compressed_entry";
        case Fault::bad_path: return "bad_path";
        case Fault::too_large: return "too_large";
    }
    return "";
}

// A mistyped path is no damaged bundle.
static slsc_status status_of(Fault fault) { return fault == Fault::unreadable ? SLSC_CANNOT_READ : SLSC_BAD_BUNDLE; }

BundleError::BundleError(Fault fault, const std::string& why)
    : Error(status_of(fault), std::string(word(fault)) + ": " + why), fault_(fault) {}

BundleError::BundleError(const BundleError& refusal, const std::string& path)
    : Error(refusal.status(), path + ": cannot open the bundle: " + refusal.what()), fault_(refusal.fault_) {}

}  // namespace slsc
